"""Small files are read whole or not at all, and nothing that a path can name blocks; see also `test_load`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtg.config.small_file import read_small_file


@given(size=st.integers(0, 300_000), most=st.integers(0, 300_000))
def test_a_file_is_read_whole_or_not_at_all(size: int, most: int) -> None:
    with tempfile.NamedTemporaryFile() as file:
        content = os.urandom(size)
        file.write(content)
        file.flush()
        if size > most:
            with pytest.raises(ValueError, match=f"^expected at most {most} bytes, got a larger file$"):
                read_small_file(Path(file.name), most)
        else:
            assert read_small_file(Path(file.name), most) == content


def test_a_file_that_says_it_is_empty_is_read_and_bounded() -> None:
    assert read_small_file(Path("/proc/self/status"), 100_000).startswith(b"Name:")
    with pytest.raises(ValueError, match=r"^expected at most 10 bytes"):
        read_small_file(Path("/proc/self/status"), 10)


def test_a_path_that_has_become_a_pipe_since_it_was_checked_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    status = os.stat(tmp_path / "file")
    monkeypatch.setattr(os, "stat", lambda _: status)

    with pytest.raises(ValueError, match=r"^expected a file, got a pipe$"):
        read_small_file(tmp_path / "pipe", 10)


def test_a_pipe_whose_time_is_over_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (
        open(os.open(tmp_path / "pipe", os.O_RDWR)),
        pytest.raises(ValueError, match=r"^expected a file, got a pipe that wasn't closed within 0 s$"),
    ):
        read_small_file(tmp_path / "pipe", 10, pipe_timeout=0.0)
