"""`GET /stats`: the document of mtg-multi, for panels that know it.

Source: https://github.com/dolonet/mtg-multi, mtglib/proxy_stats.go.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from mtg.control.route import Call, Route
from mtg.control.schemas import Stats, UserStats


async def _stats(call: Call) -> Stats:
    program = call.program
    since_unix = program.status().since_unix
    users = _users(call)
    return Stats(
        started_at=datetime.fromtimestamp(since_unix, UTC),
        uptime_seconds=max(0, int(time.time() - since_unix)),
        total_connections=sum(user.connections for user in users.values()),
        users=users,
    )


def _users(call: Call) -> dict[str, UserStats]:
    observed = call.program.parts.observed
    assert observed is not None
    moved = observed.moved
    last_seen = datetime.fromtimestamp(moved.last_seen_unix, UTC) if moved.last_seen_unix else None
    return {
        "default": UserStats(
            connections=call.program.proxy.clients,
            bytes_in=moved.from_client_bytes,
            bytes_out=moved.to_client_bytes,
            last_seen=last_seen,
        )
    }


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
