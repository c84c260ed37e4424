"""Hellos of Telegram's clients, from recorded_hellos.toml, which names their sources."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from support.client_hello import RANDOM_AT

_FILE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())

RECORDED_SECRET_HEX: str = _FILE["secret"]
"""The secret that all of them are signed with."""
RECORDED_HOST = bytes.fromhex(RECORDED_SECRET_HEX)[17:].decode()
"""The site that they ask for."""
RECORDED_UNIX: int = _FILE["unix_time"]
"""When that was."""
RECORDED_HELLOS: dict[str, bytes] = {name: bytes.fromhex(record) for name, record in _FILE["hellos"].items()}
"""Each hello in its record, by the client's name."""


def another_hello(client: str) -> bytes:
    """Return the handshake message of another hello of this client, with its random zeroed, to be signed."""
    message, session_id_at = RECORDED_HELLOS[client][5:], RANDOM_AT + 33
    return message[:RANDOM_AT] + bytes(32) + b"\x20" + os.urandom(32) + message[session_id_at + 32 :]
