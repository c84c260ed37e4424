"""Reads small files, and never waits longer than allowed, whatever kind of file the path names."""

from __future__ import annotations

import os
import select
import stat
import time
from pathlib import Path

_CHUNK_BYTES = 64 * 1024
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_small_file(path: Path, max_bytes: int, *, pipe_timeout: float | None = None) -> bytes:
    """Read a whole file.

    Args:
        path: The file's path.
        max_bytes: A larger file is an error.
        pipe_timeout: Accept a pipe as well, such as a shell's `<(...)`, whose writer has this long, in seconds.

    Raises:
        ValueError: It isn't an ordinary small file; the message is "expected ..., got ...".
        OSError: It can't be read.
    """
    _check_kind(os.stat(path).st_mode, pipe_timeout)  # checked first: opening some devices has an effect
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _check_kind(os.fstat(descriptor).st_mode, pipe_timeout)
        return _read(descriptor, max_bytes, pipe_timeout or 0.0)
    finally:
        os.close(descriptor)


def _read(descriptor: int, max_bytes: int, pipe_timeout: float) -> bytes:
    deadline_mono = time.monotonic() + pipe_timeout
    data = b""
    while True:
        try:
            chunk = os.read(descriptor, _CHUNK_BYTES)
        except BlockingIOError:
            if not _has_more(descriptor, deadline_mono):
                raise ValueError(f"expected a file, got a pipe that wasn't closed within {pipe_timeout:g} s") from None
            continue
        if not chunk:
            return data
        data += chunk
        if len(data) > max_bytes:
            raise ValueError(f"expected at most {max_bytes} bytes, got a larger file")


def _has_more(descriptor: int, deadline_mono: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    left_seconds = deadline_mono - time.monotonic()
    return left_seconds > 0 and bool(poll.poll(left_seconds * 1000))


def _check_kind(mode: int, pipe_timeout: float | None) -> None:
    if not stat.S_ISREG(mode) and not (pipe_timeout is not None and stat.S_ISFIFO(mode)):
        raise ValueError(f"expected a file, got {_KINDS.get(stat.S_IFMT(mode), 'something else')}")
