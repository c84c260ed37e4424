"""QR codes, made here: a link holds the secret and must not be sent to a web service to be drawn."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import TextIO

import segno

from mtg.config.redaction import redact
from mtg.user_error import UserError, os_reason

QUIET_ZONE_MODULES = 2
"""The light margin; the standard requires 4, but 2 is enough for readers, and a terminal has few lines."""

IMAGE_SCALE = 4
"""Pixels of a module in images."""

_WHITE_ON_BLACK = "\033[97;40m"
_RESET = "\033[0m"


def data_uri(text: str) -> str:
    """The QR code of `text` as a PNG image in a data URI, for a browser's address line or an <img>."""
    return str(_code(text).png_data_uri(scale=IMAGE_SCALE))


def drawing(text: str, *, colours: bool) -> str:
    """The QR code of `text` in half blocks, two rows of modules a line.

    With `colours`, light modules are white on black whatever the terminal's own colours are; without, it is
    right on dark terminals and inverted on light ones, which most readers understand.
    """
    out = io.StringIO()
    _code(text).terminal(out, compact=True, border=QUIET_ZONE_MODULES)
    lines = out.getvalue().splitlines()
    return "\n".join(f"{_WHITE_ON_BLACK}{line}{_RESET}" if colours else line for line in lines)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether the stream is a terminal; a closed one is None in Python."""
    return stream is not None and stream.isatty()


def can_draw(stream: TextIO | None) -> bool:
    """Whether the stream's encoding has block characters."""
    if stream is None:
        return False
    try:
        "█▀▄".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def image(text: str, kind: str) -> bytes:
    """Return the QR code of `text` as an image, "svg" or "png"."""
    out = io.BytesIO()
    _code(text).save(out, kind=kind, scale=IMAGE_SCALE)
    return out.getvalue()


def save(text: str, path: Path, kind: str) -> None:
    """Write the QR code of `text` as "svg" or "png", readable by the owner alone.

    Raises:
        UserError: The file can't be written.
    """
    data = image(text, kind)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # an existing file may be readable by others
                os.fchmod(file.fileno(), 0o600)
            file.write(data)
    except OSError as error:
        raise UserError(f"{redact(str(path))}: {os_reason(error)}") from error


def _code(text: str) -> segno.QRCode:
    return segno.make(text, error="l", micro=False)
