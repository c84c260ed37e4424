"""A request that the API knows, and what a handler gets and returns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import msgspec
from aiohttp import web

from mtg.control.program import RunningProgram

BODY_SECONDS = 5.0
"""How long a request's body may take."""

_S = TypeVar("_S", bound=msgspec.Struct)

HandlerResult: TypeAlias = msgspec.Struct | bytes | web.StreamResponse
"""What a handler returns: something to encode as JSON, JSON, or any other response."""


class RequestError(Exception):
    """A request that isn't done; the client is told why.

    Args:
        status: The HTTP status.
        error: Why, in one line.
        problems: More lines, each about one thing that is wrong.
    """

    def __init__(self, status: int, error: str, problems: Sequence[str] = ()) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in.

    Attributes:
        program: What it is about.
        request: The request itself.
        path: The parts of the path that vary, by name.
        query: The query's parameters that were given.
    """

    program: RunningProgram
    request: web.BaseRequest
    path: Mapping[str, str]
    query: Mapping[str, str]

    async def body(self, kind: type[_S]) -> _S:
        """Read and decode the request's body.

        Raises:
            RequestError: It is too large, too late, no JSON, or not what was expected.
        """
        try:
            async with asyncio.timeout(BODY_SECONDS):
                text = await self.request.read()
        except TimeoutError:
            raise RequestError(408, f"the body didn't come within {BODY_SECONDS:g} s") from None
        except web.HTTPRequestEntityTooLarge:
            raise too_large(self.request.client_max_size) from None
        except web.RequestPayloadError:
            raise RequestError(400, "the body isn't what its headers say") from None
        try:
            return msgspec.json.decode(text, type=kind)
        except msgspec.ValidationError as error:
            raise RequestError(400, "the body isn't as expected", [str(error)]) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise RequestError(400, "the body isn't JSON") from None


def too_large(most_bytes: int) -> RequestError:
    """Return the error about a body."""
    return RequestError(413, f"the body is too large: expected at most {most_bytes} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A request.

    Attributes:
        method: Such as GET.
        path: Its path; `{name}` stands for a part that varies.
        summary: What it does, in a sentence without an end.
        handler: Does it.
        answer: The type of its answer; None: something else than JSON.
        content_type: The content type of its answer.
        other_content_types: Those that its answer may have instead.
        path_help: The meaning of each part that varies.
        query_help: The meaning of each parameter that may be in the query.
        body: The type of its body; None: it has none.
        status: The status of its answer.
        errors: The meaning of each status that it may have instead.
        is_open: Whether it is answered over TCP without a token if the configuration has none.
    """

    method: str
    path: str
    summary: str
    handler: Callable[[Call], Awaitable[HandlerResult]]
    answer: Any = None
    content_type: str = "application/json"
    other_content_types: tuple[str, ...] = ()
    path_help: Mapping[str, str] = field(default_factory=dict)
    query_help: Mapping[str, str] = field(default_factory=dict)
    body: type[msgspec.Struct] | None = None
    status: int = 200
    errors: Mapping[int, str] = field(default_factory=dict)
    is_open: bool = False
