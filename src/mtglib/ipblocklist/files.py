"""Reading a file without blocking forever, and with a size limit."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from .pieces import Pieces

_CHUNK_BYTES = 64 * 1024


@contextmanager
def open_regular(path: Path) -> Iterator[BufferedReader]:
    """Open a file for reading; blocks.

    Raises:
        OSError: It can't be read, or isn't a regular one: a pipe would keep us waiting.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


def read_file(path: Path, max_bytes: int) -> list[bytes]:
    """Read a whole file, in pieces of whole lines; blocks.

    Raises:
        OSError: As for `open_regular`, or it has more than `max_bytes`.
    """
    with open_regular(path) as file:
        return read_rest(file, max_bytes)


def read_rest(file: BufferedReader, max_bytes: int) -> list[bytes]:
    """Read to the end, in pieces of whole lines.

    Raises:
        OSError: There are more than `max_bytes`, or they can't be read.
    """
    text = Pieces()
    while chunk := file.read(_CHUNK_BYTES):
        text.add(chunk)
        if text.size_bytes > max_bytes:
            raise OSError(f"larger than {max_bytes} bytes")
    return text.done()
