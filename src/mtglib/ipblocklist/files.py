"""Reading a file without waiting for ever and without taking more than was meant."""

import os
import stat
from pathlib import Path


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """Read a regular file; blocks.

    Raises:
        OSError: It can't be read, is none (a pipe would keep us waiting), or has more than `max_bytes`.
    """
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("not a regular file")
        text = file.read(max_bytes + 1)
    if len(text) > max_bytes:
        raise OSError(f"larger than {max_bytes} bytes")
    return text
