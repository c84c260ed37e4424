"""All requests of the API. A new group: a module in `handlers`, and a line here."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from mtg.control.handlers import connections, events, reload, stats, status, users
from mtg.control.openapi import document
from mtg.control.route import Call, RequestError, Route


async def _describe(_: Call) -> bytes:
    return msgspec.json.encode(document(ROUTES))


ROUTES: tuple[Route, ...] = (
    *stats.ROUTES,
    *status.ROUTES,
    *connections.ROUTES,
    *users.ROUTES,
    *reload.ROUTES,
    *events.ROUTES,
    Route(
        method="GET",
        path="/v1/openapi.json",
        summary="This API as an OpenAPI 3.1 document",
        handler=_describe,
        answer=dict,
    ),
)

_PATTERNS = [(re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path)), route) for route in ROUTES]


def find(method: str, path: str) -> tuple[Route, Mapping[str, str]] | RequestError:
    """Return the request of this method and path, and the parts of the path that vary; the error if there is none."""
    methods = []
    for pattern, route in _PATTERNS:
        if (match := pattern.fullmatch(path)) is not None:
            if route.method == method:
                return route, match.groupdict()
            methods.append(route.method)
    if methods:
        return RequestError(405, f"expected {' or '.join(methods)} for this path")
    return RequestError(404, "there is no such path (GET /v1/openapi.json has them all)")
