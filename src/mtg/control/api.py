"""Answers requests: finds out what is asked for and whether it may be, has it done, and tells what came of it."""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import web

from mtg.config.redaction import redact
from mtg.control.access import AccessControl
from mtg.control.program import RunningProgram
from mtg.control.route import Call, HandlerResult, RequestError, Route, too_large
from mtg.control.routes import find
from mtg.control.schemas import Error
from mtg.user_error import UserError

_JSON = "application/json"


class API:
    """The API on one listener.

    Args:
        program: What it is about.
        is_local: Whether the listener is the Unix socket.
    """

    def __init__(self, program: RunningProgram, *, is_local: bool) -> None:
        self._program = program
        self._logger = program.parts.logger.named("control")
        self._access = AccessControl(is_local=is_local, logger=self._logger)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request; whatever happens, the answer is JSON in one line."""
        try:
            return await self._answer(request)
        except RequestError as error:
            return _refusal(error)
        except UserError as error:
            return _refusal(RequestError(422, error.lines[0], error.lines[1:]))
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:
            self._logger.warning(f"{request.method} {redact(request.path)} failed", error=error)
            return _refusal(RequestError(500, f"internal error: {type(error).__name__} (the log says more)"))

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        found = find(request.method, request.path)
        is_open = not isinstance(found, RequestError) and found[0].is_open
        authorization, token = request.headers.get("Authorization", ""), self._program.parts.control.token
        self._access.check(authorization, token, is_open=is_open)
        if isinstance(found, RequestError):
            raise found
        route, path = found
        call = Call(self._program, request, path, _query(request, route))
        if (request.content_length or 0) > request.client_max_size:
            raise too_large(request.client_max_size)
        return _response(await route.handler(call), route.status)


def _query(request: web.BaseRequest, route: Route) -> dict[str, str]:
    query = request.query
    if unknown := [name for name in query if name not in route.query_help]:
        known = ", ".join(route.query_help) or "none"
        raise RequestError(400, f"unknown parameter in the query: {unknown[0][:64]!r} (known: {known})")
    return dict(query)


def _response(answer: HandlerResult, status: int) -> web.StreamResponse:
    if isinstance(answer, web.StreamResponse):
        return answer
    body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
    return web.Response(status=status, body=body, content_type=_JSON, headers={"Cache-Control": "no-store"})


def _refusal(error: RequestError) -> web.Response:
    body = msgspec.json.encode(Error(error=error.error, problems=error.problems))
    response = web.Response(status=error.status, body=body, content_type=_JSON, headers={"Cache-Control": "no-store"})
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
