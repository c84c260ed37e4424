"""What is to be seen of two snapshots: how many there are, and how fast they move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mtg.top.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Flow:
    """Bytes from a client ("up") and to it ("down"), so far and a second."""

    up_bytes: int
    down_bytes: int
    up_bytes_per_second: float = 0.0
    down_bytes_per_second: float = 0.0

    @property
    def total_bytes(self) -> int:
        """Both directions together."""
        return self.up_bytes + self.down_bytes

    @property
    def bytes_per_second(self) -> float:
        """Both directions together."""
        return self.up_bytes_per_second + self.down_bytes_per_second


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A live connection; a visitor's has no user, and its DC is 0."""

    id: str
    client: str
    user: str
    state: str
    dc: int
    age_seconds: float
    flow: Flow


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user."""

    name: str
    connections: int
    flow: Flow


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that can be shown.

    Attributes:
        status: As `GET /v1/status` has it.
        taken_unix: When that was, Unix seconds.
        users: The users, in the order of the configuration.
        connections: The live connections, the oldest first.
        flow: That of all users together.
    """

    status: Mapping[str, Any]
    taken_unix: float
    users: tuple[UserRow, ...]
    connections: tuple[ConnectionRow, ...]
    flow: Flow


def make_picture(before: Snapshot, now: Snapshot) -> Picture:
    """Compare two snapshots; rates are between them."""
    seconds = now.taken_mono - before.taken_mono
    users = tuple(_users(before, now, seconds))
    flows = [user.flow for user in users]
    return Picture(
        status=now.status,
        taken_unix=now.taken_unix,
        users=users,
        connections=tuple(_connections(before, now, seconds)),
        flow=Flow(
            sum(flow.up_bytes for flow in flows),
            sum(flow.down_bytes for flow in flows),
            sum(flow.up_bytes_per_second for flow in flows),
            sum(flow.down_bytes_per_second for flow in flows),
        ),
    )


def _users(before: Snapshot, now: Snapshot, seconds: float) -> Iterator[UserRow]:
    for name, user in now.users.items():
        earlier = before.users.get(name, user)
        yield UserRow(name, user["connections"], _flow(earlier, user, ("bytes_in", "bytes_out"), seconds))


def _connections(before: Snapshot, now: Snapshot, seconds: float) -> Iterator[ConnectionRow]:
    earlier = {one["id"]: one for one in before.connections}
    nothing = {"from_client_bytes": 0, "to_client_bytes": 0}
    for one in now.connections:
        yield ConnectionRow(
            id=one["id"],
            client=one["client"] or "-",
            user=one["user"],
            state=one["state"],
            dc=one["dc"],
            age_seconds=max(0.0, now.taken_unix - one["since_unix"]),
            flow=_flow(earlier.get(one["id"], nothing), one, ("from_client_bytes", "to_client_bytes"), seconds),
        )


def _flow(before: Mapping[str, Any], now: Mapping[str, Any], keys: tuple[str, str], seconds: float) -> Flow:
    up, down = (now[key] for key in keys)
    if seconds <= 0:
        return Flow(up, down)
    # Another program may have taken the place of the first one, and then counts from 0 on.
    up_rate, down_rate = (max(0, now[key] - before[key]) / seconds for key in keys)
    return Flow(up, down, up_rate, down_rate)
