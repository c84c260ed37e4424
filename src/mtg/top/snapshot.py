"""What the proxy says of itself at one moment."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from mtg.control_client import ControlClient


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Answers of the API: docs/control.md describes them.

    Attributes:
        taken_mono: When they came, in seconds of the monotonic clock.
        taken_unix: The same in Unix seconds.
        status: That of `GET /v1/status`.
        users: The users of `GET /stats`, by name.
        connections: Those of `GET /v1/connections`.
    """

    taken_mono: float
    taken_unix: float
    status: dict[str, Any]
    users: dict[str, dict[str, Any]]
    connections: list[dict[str, Any]]


def take_snapshot(client: ControlClient) -> Snapshot:
    """Ask the proxy; raises what `ControlClient.ask` does."""
    status = client.ask("GET", "v1", "status")
    users = client.ask("GET", "stats")["users"]
    connections = client.ask("GET", "v1", "connections")["connections"]
    return Snapshot(time.monotonic(), time.time(), status, users, connections)
