"""Files that are read without blocking forever, and replaced as a whole. All calls block."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path


@contextmanager
def open_regular(path: Path) -> Iterator[BufferedReader]:
    """Open a file for reading.

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


def replace_file(path: Path, *parts: bytes) -> None:
    """Write a file, and its directory if that is missing; only this user can read them.

    A concurrent reader finds either the old file or the new one, and so does a reader after a power cut.

    Raises:
        OSError: It can't be written; the old file is still there.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
