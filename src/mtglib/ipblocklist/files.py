"""Reading a file without waiting for ever and without taking more than was meant."""

import os
import stat
from pathlib import Path


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """Read a regular file; blocks.

    Raises:
        OSError: It can't be read, is none (a pipe would keep us waiting), or has more than `max_bytes`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            text = file.read(max_bytes + 1)
    finally:
        os.close(descriptor)
    if len(text) > max_bytes:
        raise OSError(f"larger than {max_bytes} bytes")
    return text
