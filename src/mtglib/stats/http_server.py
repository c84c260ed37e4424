"""A web server for a single page, on the event loop. Each request costs a bounded time and little memory."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass

_MAX_CONNECTIONS = 16
_MAX_REQUEST_BYTES = 8192
_REQUEST_TIMEOUT = 5.0
_ANSWER_TIMEOUT = 5.0
_ABSOLUTE = re.compile(r"https?://[^/]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request.

    Attributes:
        method: Such as GET, in capitals as sent.
        path: Without the query, and without scheme and host.
    """

    method: str
    path: str


def parse_request(head: bytes) -> Request | None:
    """Parse a request's head; None if it isn't HTTP/1.x."""
    match head.partition(b"\r\n")[0].decode("latin-1").split(" "):
        case [method, target, "HTTP/1.0" | "HTTP/1.1"] if method and target:
            return Request(method, _path(target))
    return None


def _path(target: str) -> str:
    """Return the path of a request's target, which may be a whole URL (RFC 9112, 3.2.2), without the query."""
    path = target.partition("?")[0]
    if (absolute := _ABSOLUTE.match(path)) is not None:
        return path[absolute.end() :] or "/"
    return path


def answer(request: Request | None, path: str, content_type: str, page: Callable[[], bytes]) -> bytes:
    """Return the whole answer to a request; a path that ends in a slash also matches all paths below it.

    An exception in `page` gives a 500.
    """
    if request is None:
        return _response("400 Bad Request", b"bad request\n")
    if request.path != path and not (path.endswith("/") and request.path.startswith(path)):
        return _response("404 Not Found", b"not found\n", with_body=request.method != "HEAD")
    if request.method not in ("GET", "HEAD"):
        return _response("405 Method Not Allowed", b"method not allowed\n", "Allow: GET, HEAD\r\n")
    with_body = request.method == "GET"
    try:
        body = page()
    except Exception as error:
        text = f"the page can't be made: {type(error).__name__}\n"
        return _response("500 Internal Server Error", text.encode(errors="replace"), with_body=with_body)
    return _response("200 OK", body, f"Content-Type: {content_type}\r\n", with_body=with_body)


def _response(status: str, body: bytes, headers: str = "", *, with_body: bool = True) -> bytes:
    head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode("latin-1") + (body if with_body else b"")


async def serve_page(listener: socket.socket, path: str, content_type: str, page: Callable[[], bytes]) -> None:
    """Serve until cancelled; the caller closes the listener.

    Raises:
        OSError: The socket isn't listening.
    """
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise OSError(errno.EINVAL, "expected a listening socket")
    visits: set[asyncio.Task[None]] = set()

    def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(visits) >= _MAX_CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(_serve_visitor(reader, writer, path, content_type, page))
        visits.add(task)
        task.add_done_callback(visits.discard)

    own = listener.dup()  # the server closes the socket that it gets
    try:
        server = await asyncio.start_server(welcome, sock=own, limit=_MAX_REQUEST_BYTES)
    except BaseException:
        own.close()
        raise
    try:
        await asyncio.get_running_loop().create_future()  # until cancelled
    finally:
        server.close()
        for task in visits:
            task.cancel()
        await asyncio.gather(*visits, return_exceptions=True)


async def _serve_visitor(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    path: str,
    content_type: str,
    page: Callable[[], bytes],
) -> None:
    try:
        async with asyncio.timeout(_REQUEST_TIMEOUT):
            try:
                request = parse_request(await reader.readuntil(b"\r\n\r\n"))
            except asyncio.LimitOverrunError:
                request = None
        async with asyncio.timeout(_ANSWER_TIMEOUT):
            writer.write(answer(request, path, content_type, page))
            writer.close()
            await writer.wait_closed()
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.transport.abort()  # has no effect if it is already closed
