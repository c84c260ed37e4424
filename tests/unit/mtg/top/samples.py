"""Made-up answers of the API."""

from __future__ import annotations

from typing import Any

from mtg.top.picture import Picture, make_picture
from mtg.top.snapshot import Snapshot

STATUS: dict[str, Any] = {
    "version": "1.2.3",
    "engine": "native",
    "phase": "running",
    "uptime_seconds": 4000.0,
    "config": "/etc/mtg.toml",
    "clients": 3,
    "limits": {
        "connections": {"now": 4, "most": 100},
        "visitors": {"now": 48, "most": 50},
        "open_files": {"now": 9, "most": 1024},
    },
    "memory_bytes": 50 * 2**20,
    "lists": [{"name": "blocklist", "prefixes": 7, "sources": [{"problem": "gone"}, {"problem": ""}]}],
    "dcs": [
        {"dc": 2, "connected_unix": 900.0, "failed_unix": 100.0, "dial_seconds": 0.035},
        {"dc": 4, "connected_unix": 900.0, "failed_unix": 940.0, "dial_seconds": 0.1},
    ],
    "front": {"address": "site.example:443", "answered_unix": 1.0, "failed_unix": None},
}


def connection(number: int, *, user: str = "alice", up: int = 0, down: int = 0, since: float = 0.0) -> dict[str, Any]:
    return {
        "id": f"id{number}",
        "client": f"192.0.2.{number}:1000",
        "user": user,
        "state": "telegram" if user else "fronted",
        "dc": 2 if user else 0,
        "since_unix": since,
        "from_client_bytes": up,
        "to_client_bytes": down,
    }


def snapshot(mono: float, *connections: dict[str, Any], **users: tuple[int, int, int]) -> Snapshot:
    """Users have connections, and bytes of each direction."""
    names = ("connections", "bytes_in", "bytes_out")
    stats = {name: dict(zip(names, numbers, strict=True)) for name, numbers in users.items()}
    return Snapshot(mono, 1000.0, STATUS, stats, list(connections))


def picture(*connections: dict[str, Any]) -> Picture:
    """Without anything having moved."""
    now = snapshot(0, *connections, alice=(2, 0, 0), bob=(1, 0, 0))
    return make_picture(now, now)
