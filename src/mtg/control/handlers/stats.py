"""`GET /stats`: the document of mtg-multi, for panels that know it.

Source: https://github.com/dolonet/mtg-multi, mtglib/proxy_stats.go.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec import UNSET, UnsetType

from mtg.control.route import Call, Route
from mtg.control.schemas import Stats, Throttle, UserStats
from mtg.control.users import KnownUser, known_users


async def _stats(call: Call) -> Stats:
    program = call.program
    since_unix = program.status().since_unix
    users = {user.name: _stats_of(user) for user in known_users(program)}
    return Stats(
        started_at=datetime.fromtimestamp(since_unix, UTC),
        uptime_seconds=max(0, int(time.time() - since_unix)),
        total_connections=sum(user.connections for user in users.values()),
        users=users,
        throttle=throttle({name: user.connections for name, user in users.items()}, _limit(call)),
    )


def _limit(call: Call) -> int | None:
    return call.program.parts.options.max_user_connections


def throttle(connections: Mapping[str, int], limit: int | None) -> Throttle | UnsetType:
    """Describe how users share a limit for all of them; nothing if there is none.

    Args:
        connections: The number of connections of each user.
        limit: The most of all users together.
    """
    if limit is None:
        return UNSET
    is_full = sum(connections.values()) >= limit
    return Throttle(active=is_full, limit=limit, caps=_caps(connections, limit) if is_full else {})


def _caps(connections: Mapping[str, int], limit: int) -> dict[str, int]:
    """Return the share of each heavy user: small users keep what they have, and the rest is split equally."""
    left, heavy = limit, {name for name, count in connections.items() if count}
    while small := {name for name in heavy if connections[name] < left // len(heavy)}:
        left -= sum(connections[name] for name in small)
        heavy -= small
    return {name: max(1, left // len(heavy)) for name in connections if name in heavy}


def _stats_of(user: KnownUser) -> UserStats:
    seen_unix = user.last_seen_unix
    return UserStats(
        connections=user.connections,
        bytes_in=user.from_client_bytes,
        bytes_out=user.to_client_bytes,
        last_seen=None if seen_unix is None else datetime.fromtimestamp(seen_unix, UTC),
    )


ROUTES = (
    Route(
        method="GET",
        path="/stats",
        summary="The document of mtg-multi: connections and traffic of each user",
        handler=_stats,
        answer=Stats,
        is_open=True,
    ),
)
