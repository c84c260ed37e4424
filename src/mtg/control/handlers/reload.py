"""`POST /v1/reload`: read the configuration again."""

from __future__ import annotations

from mtg.control.reloading import reload
from mtg.control.route import Call, Route
from mtg.control.schemas import Reload


async def _reload(call: Call) -> Reload:
    return await reload(call.program)


ROUTES = (
    Route(
        method="POST",
        path="/v1/reload",
        summary="Read the configuration again",
        handler=_reload,
        answer=Reload,
        errors={422: "the configuration has problems, and nothing has changed"},
    ),
)
