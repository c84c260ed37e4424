"""The control socket: who can open it, what becomes of a stale one, and what if it can't be opened."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from integration.recording_logger import RecordingLogger
from integration.stage import open_fds
from mtg.control.service import open_control
from mtg.control.settings import ControlSettings
from mtg.user_error import UserError


def settings(path: Path, *, is_chosen: bool = True) -> ControlSettings:
    return ControlSettings(
        socket=str(path), is_socket_chosen=is_chosen, api_listens=(), token=None, mask_client_addresses=False
    )


def test_only_this_user_can_open_it_and_it_goes_at_the_end(tmp_path: Path) -> None:
    path, umask = tmp_path / "mtg.sock", os.umask(0)
    try:
        with open_control(settings(path), "test", RecordingLogger()) as (listener,):
            assert listener.family == socket.AF_UNIX
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(umask)
    assert not path.exists()


def test_a_stale_one_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "mtg.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    with (
        open_control(settings(path), "test", RecordingLogger()),
        socket.socket(socket.AF_UNIX) as client,
    ):
        client.connect(str(path))


@pytest.mark.parametrize("is_chosen", [True, False])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("live/mtg.sock", "another program is using this socket, or the file isn't a socket"),
        ("file", "another program is using this socket, or the file isn't a socket"),
        ("missing/mtg.sock", "No such file or directory"),
        ("file/mtg.sock", "Not a directory"),
        (f"{'x' * 200}", "AF_UNIX path too long"),
    ],
)
def test_one_that_cannot_be_opened(tmp_path: Path, name: str, why: str, is_chosen: bool) -> None:
    (tmp_path / "live").mkdir()
    (tmp_path / "file").touch()
    path, logger, before = tmp_path / name, RecordingLogger(), open_fds()
    line = f"control-socket: can't listen on {path}: {why}"
    with open_control(settings(tmp_path / "live" / "mtg.sock"), "other", RecordingLogger()):
        if is_chosen:
            with pytest.raises(UserError) as raised, open_control(settings(path), "test", logger):
                pass
            assert raised.value.lines == (f"test: {line}",)
        else:
            with open_control(settings(path, is_chosen=False), "test", logger) as listeners:
                assert listeners == []
            assert [message.text for message in logger.messages] == [f"{line}; this program can't be controlled"]
        assert (tmp_path / "live" / "mtg.sock").is_socket(), "it stays the other's"
    assert open_fds() == before


def test_a_folder_that_is_not_writable() -> None:
    path = Path("/sys/mtg.sock")  # for root, too
    with pytest.raises(UserError) as raised, open_control(settings(path), "test", RecordingLogger()):
        pass
    (line,) = raised.value.lines
    assert line.startswith("test: control-socket: can't listen on /sys/mtg.sock: ")


def test_a_successors_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mtg.sock"
    with open_control(settings(path), "test", RecordingLogger()) as (listener,):
        listener.close()
        with socket.socket(socket.AF_UNIX) as successor:
            path.unlink()
            successor.bind(str(path))
    assert path.is_socket()
