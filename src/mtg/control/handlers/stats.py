"""`GET /stats`: the document of mtg-multi, for panels that know it.

Source: https://github.com/dolonet/mtg-multi, mtglib/proxy_stats.go.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from mtg.control.route import Call, Route
from mtg.control.schemas import Stats, UserStats
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
    )


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
