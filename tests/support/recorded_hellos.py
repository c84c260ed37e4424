"""Hellos of Telegram's clients, from recorded_hellos.toml, which names their sources."""

from __future__ import annotations

import tomllib
from pathlib import Path

_FILE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())

RECORDED_SECRET_HEX: str = _FILE["secret"]
"""The secret that all of them are signed with."""
RECORDED_UNIX: int = _FILE["unix_time"]
"""When that was."""
RECORDED_HELLOS: dict[str, bytes] = {name: bytes.fromhex(record) for name, record in _FILE["hellos"].items()}
"""Each hello in its record, by the client's name."""
