"""Keys as a terminal sends them."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O[@-~])|[^\x1b]|\x1b", re.DOTALL)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;?]*|O)?\Z")

_NAMES = {
    "A": "up",
    "B": "down",
    "H": "home",
    "F": "end",
    "1~": "home",
    "7~": "home",
    "4~": "end",
    "8~": "end",
    "5~": "page-up",
    "6~": "page-down",
    "3~": "delete",
}
_CONTROLS = {
    "\r": "enter",
    "\n": "enter",
    "\x1b": "escape",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x04": "q",  # Ctrl-D
    "\x0c": "redraw",  # Ctrl-L
    "\x15": "clear",  # Ctrl-U
}


def is_unfinished(received: bytes) -> bool:
    """Whether more of a key may follow: an Escape could be the key of this name, or the beginning of another."""
    return bool(_UNFINISHED.search(received.decode(errors="replace")))


def decode_keys(received: bytes) -> Iterator[str]:
    """Yield characters as they are, and other keys by name; unknown ones are left out."""
    for sequence in _SEQUENCE.findall(received.decode(errors="ignore")):
        if len(sequence) > 1:
            name = _NAMES.get(sequence[2:])
        else:
            name = _CONTROLS.get(sequence, sequence if sequence.isprintable() else None)
        if name is not None:
            yield name
