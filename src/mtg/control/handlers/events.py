"""`GET /v1/events`: server-sent events.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from mtg.control.route import Call, HandlerResult, RequestError, Route

MOST_READERS = 16

_SIGN_OF_LIFE_SECONDS = 15.0
_STALLED_SECONDS = 30.0
"""A reader that takes nothing for so long is gone, or might as well be."""


async def _events(call: Call) -> HandlerResult:
    observed, request = call.program.parts.observed, call.request
    assert observed is not None
    if len(observed.feed) >= MOST_READERS:
        raise RequestError(503, f"{MOST_READERS} clients read events already")
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "Server": "http"}
    )
    response.force_close()
    with observed.feed.reading() as reader:
        await response.prepare(request)
        await response.write(b": events follow\n\n")
        try:
            while True:
                events = await reader.take(_SIGN_OF_LIFE_SECONDS)
                async with asyncio.timeout(_STALLED_SECONDS):
                    await response.write(events)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
    return response


ROUTES = (
    Route(
        method="GET",
        path="/v1/events",
        summary="Follow events as they happen, as server-sent events",
        handler=_events,
        content_type="text/event-stream",
        errors={503: f"{MOST_READERS} clients read events already"},
    ),
)
