"""Reads small files, and never blocks, whatever kind of file the path names."""

from __future__ import annotations

import os
import select
import stat
import time
from pathlib import Path

_PIPE_SECONDS = 5.0
_CHUNK_BYTES = 64 * 1024
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_small_file(path: Path, max_bytes: int, *, pipes: bool = False) -> bytes:
    """Read a whole file.

    Args:
        path: The file's path.
        max_bytes: A larger file is an error.
        pipes: Accept a pipe as well, such as a shell's `<(...)`; its writer has 5 s.

    Raises:
        ValueError: It isn't an ordinary small file; the message is "expected ..., got ...".
        OSError: It can't be read.
    """
    _check_kind(os.stat(path).st_mode, pipes)  # checked first: opening some devices has an effect
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _check_kind(os.fstat(descriptor).st_mode, pipes)
        return _read(descriptor, max_bytes)
    finally:
        os.close(descriptor)


def _read(descriptor: int, max_bytes: int) -> bytes:
    deadline_mono = time.monotonic() + _PIPE_SECONDS
    data = b""
    while True:
        try:
            chunk = os.read(descriptor, _CHUNK_BYTES)
        except BlockingIOError:
            _wait(descriptor, deadline_mono)
            continue
        if not chunk:
            return data
        data += chunk
        if len(data) > max_bytes:
            raise ValueError(f"expected at most {max_bytes} bytes, got a larger file")


def _wait(descriptor: int, deadline_mono: float) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    left_seconds = deadline_mono - time.monotonic()
    if left_seconds <= 0 or not poll.poll(left_seconds * 1000):
        raise ValueError(f"expected a file, got a pipe that nobody wrote to for {_PIPE_SECONDS:g} s")


def _check_kind(mode: int, pipes: bool) -> None:
    if not stat.S_ISREG(mode) and not (pipes and stat.S_ISFIFO(mode)):
        raise ValueError(f"expected a file, got {_KINDS.get(stat.S_IFMT(mode), 'something else')}")
