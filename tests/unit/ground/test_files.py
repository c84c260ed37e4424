"""Reading a file without waiting for ever, and replacing one as a whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mtglib.ground.files import open_regular, replace_file


def test_a_pipe_or_a_folder_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"), open_regular(path):
            pass


def test_no_descriptor_is_left_open_and_none_is_inherited(tmp_path: Path) -> None:
    (path := tmp_path / "list").write_bytes(b"x")
    before = os.listdir("/proc/self/fd")
    with open_regular(path) as file:
        assert not os.get_inheritable(file.fileno())
    with pytest.raises(OSError, match="regular"), open_regular(tmp_path):
        pass

    assert os.listdir("/proc/self/fd") == before


def test_a_file_is_replaced_as_a_whole_and_only_its_user_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "copy.txt"
    replace_file(path, b"old")
    with path.open("rb") as reader:
        replace_file(path, b"n", b"ew")

        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["copy.txt"]


def test_a_file_that_cannot_be_written_is_as_it_was(tmp_path: Path) -> None:
    (path := tmp_path / "copy.txt").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(path, b"new")

    assert os.listdir(tmp_path) == ["copy.txt"]
    with pytest.raises(FileExistsError):
        replace_file(Path(__file__) / "copy.txt", b"new")
