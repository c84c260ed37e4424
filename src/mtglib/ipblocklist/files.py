"""Reading a file in pieces, with a size limit."""

from __future__ import annotations

from io import BufferedReader
from pathlib import Path

from ..ground.files import open_regular
from .pieces import Pieces

_CHUNK_BYTES = 64 * 1024


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
