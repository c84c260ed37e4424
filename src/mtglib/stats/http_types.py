"""What a web server is told: how to answer, and its limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from aiohttp import web

HTTPHandler: TypeAlias = "Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]"
"""Answers a request; as for `aiohttp.web.Server`."""


class HTTPBounds(NamedTuple):
    """Limits of a server, as `serve_http` takes them."""

    most_connections: int
    request_timeout: float
    answer_timeout: float
    most_body_bytes: int
    has_json_errors: bool
