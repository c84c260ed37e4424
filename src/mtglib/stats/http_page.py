"""The answers of a web server that has one page."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from .http_types import HTTPHandler


def page_handler(path: str, content_type: str, page: Callable[[], bytes]) -> HTTPHandler:
    """Return a handler with one page; a path that ends in a slash also matches all paths below it.

    An exception in `page` gives a 500.
    """

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path != path and not (path.endswith("/") and request.path.startswith(path)):
            return web.Response(status=404, text="not found\n")
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, text="method not allowed\n", headers={"Allow": "GET, HEAD"})
        try:
            body = page()
        except Exception as error:
            text = f"the page can't be made: {type(error).__name__}\n"
            return web.Response(status=500, text=text.encode(errors="replace").decode())
        return web.Response(body=body, headers={"Content-Type": content_type})

    return answer
