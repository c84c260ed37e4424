"""The connections of a web server: each has one request, a time for each of its steps, and no right to stay.

Its states: it *sends* a request's head, the handler *works* for it, it *takes* the answer. Only clients that send or
take are counted, timed and closed for others; what the handler waits for is the handler's to bound.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from functools import partial
from typing import Any, Final

from aiohttp import HttpVersion10, web

from .http_types import HTTPBounds, HTTPHandler

_END_SECONDS: Final = 0.2
"""How long handlers that were cancelled have to end."""

_MOST_HEADERS: Final = 64
_LINGERING_SECONDS: Final = 1.0
"""How long to read what a client still sends after its answer; a client that is cut off might not read the answer."""

_SILENT: Final = logging.Logger("mtg-http", logging.CRITICAL + 1)
"""Of no log: whatever a client sends must not become a line, let alone a traceback."""


class _HTTPConnection:
    """A connection.

    Attributes:
        transport: It.
        timer: Closes it when its time is over.
        request: What the handler works for.
        task: The handler's task while it works.
    """

    __slots__ = ("request", "task", "timer", "transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.timer: asyncio.TimerHandle | None = None
        self.request: web.BaseRequest | None = None
        self.task: asyncio.Task[Any] | None = None

    @property
    def is_streaming(self) -> bool:
        """Whether the handler itself is sending an answer."""
        return self.request is not None and self.request.writer.output_size > 0

    def close_in(self, seconds: float | None) -> None:
        """Close it after so long, whatever was said before; None: never."""
        if self.timer is not None:
            self.timer.cancel()
        loop = asyncio.get_running_loop()
        self.timer = None if seconds is None else loop.call_later(seconds, self.transport.abort)


class _Protocol(web.RequestHandler):
    """aiohttp's, with short answers to requests that are none."""

    __slots__ = ("_connections",)

    def __init__(self, connections: HTTPConnections, **settings: Any) -> None:
        super().__init__(connections, **settings)
        self._connections = connections

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep a connection whose client has ended its side after the request, as HTTP allows."""
        return not self._connections.is_streaming(self)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what the parser or the handler couldn't; the default would quote it, and log a traceback."""
        if request.writer.output_size > 0:
            raise ConnectionError("part of an answer is sent already")
        text = "bad request" if status < 500 else f"the answer can't be made: {type(exc).__name__}"
        return _plain(self._connections.error(status, text))


class HTTPConnections(web.Server):
    """The connections of one listener. A client that comes when there are too many replaces the oldest.

    Args:
        handler: Answers requests.
        bounds: The limits.
    """

    def __init__(self, handler: HTTPHandler, bounds: HTTPBounds) -> None:
        request = partial(web.BaseRequest, loop=asyncio.get_running_loop(), client_max_size=bounds.most_body_bytes)
        super().__init__(self._handle, request_factory=request)
        self._handler = handler
        self._bounds = bounds
        self._clients: dict[web.RequestHandler, _HTTPConnection] = {}
        self._waited_for: dict[_HTTPConnection, None] = {}  # those that send or take, the first to come first
        self._at_work = 0

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        return _Protocol(
            self,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=0,  # close_in does it, and doesn't stop at the head's first byte
            logger=_SILENT,
            access_log=None,
            max_headers=_MOST_HEADERS,
            lingering_time=_LINGERING_SECONDS,
            auto_decompress=False,  # a few bytes could become as many as there is memory
        )

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Note a new connection."""
        super().connection_made(handler, transport)
        connection = self._clients[handler] = _HTTPConnection(transport)
        self._wait_for(connection, self._bounds.request_timeout)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Forget a connection."""
        super().connection_lost(handler, exc)
        if (connection := self._clients.pop(handler, None)) is not None:
            connection.close_in(None)
            self._waited_for.pop(connection, None)
            if connection.task is not None and connection.is_streaming:
                connection.task.cancel()

    def error(self, status: int, text: str) -> web.Response:
        """Return an answer that isn't the handler's."""
        if self._bounds.has_json_errors:
            return web.Response(status=status, text=json.dumps({"error": text}), content_type="application/json")
        return web.Response(status=status, text=f"{text}\n")

    def is_streaming(self, handler: web.RequestHandler) -> bool:
        """Whether the handler of requests is sending a client an answer without end."""
        connection = self._clients.get(handler)
        return connection is not None and connection.is_streaming

    async def end(self) -> None:
        """Close all connections, and cancel what the handler does for them."""
        for connection in tuple(self._clients.values()):
            if connection.task is not None:
                connection.task.cancel()
            connection.transport.abort()
        self.pre_shutdown()
        await self.shutdown(_END_SECONDS)

    def _wait_for(self, connection: _HTTPConnection, seconds: float) -> None:
        if len(self._waited_for) >= self._bounds.most_connections:
            oldest = next(iter(self._waited_for))
            del self._waited_for[oldest]
            oldest.transport.abort()
        self._waited_for[connection] = None
        connection.close_in(seconds)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = self._clients.get(request.protocol)
        if connection is None or connection.transport.is_closing():
            raise ConnectionResetError  # it was closed before its request was looked at
        response: web.StreamResponse
        if request.version < HttpVersion10:
            response = self.error(400, "bad request")
        elif self._at_work >= self._bounds.most_connections:
            response = self.error(503, "too many requests at once")
        else:
            response = await self._work(request, connection)
        _plain(response)
        if not connection.transport.is_closing():
            self._wait_for(connection, self._bounds.answer_timeout)
        return response

    async def _work(self, request: web.BaseRequest, connection: _HTTPConnection) -> web.StreamResponse:
        self._waited_for.pop(connection, None)
        connection.close_in(None)
        connection.task, connection.request = asyncio.current_task(), request
        self._at_work += 1
        try:
            return await self._handler(request)
        finally:
            self._at_work -= 1
            connection.task = connection.request = None


def _plain(response: web.StreamResponse) -> web.StreamResponse:
    """Make it the connection's last one, and say no more of the software than needed."""
    if not response.prepared:
        response.headers["Server"] = "http"
        response.force_close()
    return response


async def serve_connections(listener: socket.socket, handler: HTTPHandler, bounds: HTTPBounds) -> None:
    """Serve until cancelled; the caller closes the listener."""
    loop = asyncio.get_running_loop()
    connections = HTTPConnections(handler, bounds)
    own = listener.dup()  # the server closes the socket that it gets
    create = loop.create_unix_server if own.family == socket.AF_UNIX else loop.create_server
    try:
        server = await create(connections, sock=own)
    except BaseException:
        own.close()
        raise
    try:
        await loop.create_future()  # until cancelled
    finally:
        server.close()
        await connections.end()
