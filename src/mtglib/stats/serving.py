"""HTTP on a listening socket, on the event loop, with bounds for clients that are slow, silent or many.

aiohttp does it. It takes a sixth of a second and 13 MiB to import, and many programs are never asked anything, so it is
imported when the first client connects, in a thread.
"""

from __future__ import annotations

import asyncio
import errno
import importlib.util
import socket
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from ..errors import MtglibError
from .http_types import HTTPBounds, HTTPHandler

_RETRY_SECONDS: Final = 1.0


_Serve: TypeAlias = Callable[[socket.socket, HTTPHandler, HTTPBounds], Awaitable[None]]


class AiohttpIsMissingError(MtglibError):
    """HTTP is to be served, and aiohttp isn't installed."""

    def __init__(self) -> None:
        super().__init__("HTTP can't be served: aiohttp isn't installed (pip install 'mtglib[metrics]')")


async def serve_http(
    listener: socket.socket,
    make_handler: Callable[[], HTTPHandler],
    *,
    most_connections: int = 16,
    request_timeout: float = 5.0,
    answer_timeout: float = 5.0,
    most_body_bytes: int = 65_536,
    has_json_errors: bool = False,
) -> None:
    """Serve HTTP/1.1 until cancelled, with one request per connection.

    Clients that are slow can't keep others out: when there are too many, the one that has been waited for the longest
    is closed. A connection that the handler is working for is never closed for that, and has no time limit; the
    handler bounds what it waits for.

    Args:
        listener: A listening socket, TCP or Unix. The caller keeps it and closes it, also after an error.
        make_handler: Called once, in a thread, when the first client connects; returns the handler.
        most_connections: The most connections that send a request or take an answer, and likewise the most that the
            handler works for at once. More of those are answered with 503.
        request_timeout: How long a request's head may take, in seconds, before the connection is closed.
        answer_timeout: How long an answer may take to be sent, in seconds, before the connection is closed.
        most_body_bytes: The limit of a request's body, which `request.read()` enforces.
        has_json_errors: Whether what the handler never sees is answered with `{"error": "..."}` instead of a text.

    Raises:
        OSError: The socket isn't listening.
        AiohttpIsMissingError: aiohttp isn't installed.
    """
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise OSError(errno.EINVAL, "expected a listening socket")
    if not _has_aiohttp():
        raise AiohttpIsMissingError
    await _readable(listener)
    serving, handler = await _imported(make_handler)
    bounds = HTTPBounds(most_connections, request_timeout, answer_timeout, most_body_bytes, has_json_errors)
    await serving(listener, handler, bounds)


def _has_aiohttp() -> bool:
    try:
        return importlib.util.find_spec("aiohttp") is not None
    except ValueError:  # somebody made sure that it can't be imported
        return False


async def _readable(listener: socket.socket) -> None:
    """Wait for the first client, without accepting it."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    loop.add_reader(listener, came.set)
    try:
        await came.wait()
    finally:
        loop.remove_reader(listener)


async def _imported(make_handler: Callable[[], HTTPHandler]) -> tuple[_Serve, HTTPHandler]:
    def prepare() -> tuple[_Serve, HTTPHandler]:
        from .http_connections import serve_connections

        return serve_connections, make_handler()

    while True:
        try:
            return await asyncio.to_thread(prepare)
        except OSError:  # no descriptors are left to read files with; clients wait, as they do at any full server
            await asyncio.sleep(_RETRY_SECONDS)
