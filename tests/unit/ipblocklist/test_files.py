"""Reading a file: all of it, no more than was meant, and without waiting for ever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtglib.ground.files import open_regular
from mtglib.ipblocklist.files import read_file, read_rest


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(line=st.binary(max_size=200), lines=st.integers(0, 20_000), rest=st.binary(max_size=50))
def test_all_comes_in_pieces_of_whole_lines(tmp_path: Path, line: bytes, lines: int, rest: bytes) -> None:
    text = (line + b"\n") * lines + rest
    (path := tmp_path / "list").write_bytes(text)

    pieces = read_file(path, len(text))

    assert b"".join(pieces) == text
    assert all(piece.endswith(b"\n") for piece in pieces[:-1])


@pytest.mark.parametrize("size", [11, 100_000, 1_000_000])
def test_what_is_too_large_is_refused_before_all_of_it_is_read(tmp_path: Path, size: int) -> None:
    (path := tmp_path / "list").write_bytes(b"x" * size)

    with pytest.raises(OSError, match=r"^larger than 10 bytes$"):
        read_file(path, 10)
    with path.open("rb") as file:
        with pytest.raises(OSError, match="larger"):
            read_rest(file, 10)
        assert file.tell() <= 64 * 1024


def test_what_was_read_before_is_left_out(tmp_path: Path) -> None:
    (path := tmp_path / "list").write_bytes(b"a header\nthe text\n")
    with open_regular(path) as file:
        file.readline()
        assert read_rest(file, 100) == [b"the text\n"]


def test_a_pipe_or_a_folder_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            read_file(path, 10)


def test_what_is_not_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "none", 10)
