"""What can be a part, and what is told of what can't."""

from __future__ import annotations

import functools
import logging
import socket
import types
from collections.abc import Awaitable
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest

import mtglib
from mtglib.noop import NoopEventStream, NoopIPBlocklist, NoopLogger


class Answering:
    """Has whatever is asked for, and only when it is asked."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *_, **__: None


class AsyncList(NoopIPBlocklist):
    async def contains(self, ip: mtglib.IPAddress) -> bool:  # type: ignore[override]
        return False


@pytest.mark.parametrize("part", [NoopLogger(), Answering(), MagicMock()])
def test_an_object_with_all_methods_is_a_part(part: object) -> None:
    mtglib.check_part("logger", part, mtglib.Logger)


def anything(*_positional: object, **_named: object) -> Any: ...


class Answers:
    """Answers that nobody can await."""

    def annotated(self, data: bytes) -> bool: ...  # type: ignore[empty-body]

    def text(self, data: bytes) -> "bool": ...  # type: ignore[empty-body]  # noqa: UP037

    def nothing(self, data: bytes) -> None: ...

    def unannotated(self, data): ...  # type: ignore[no-untyped-def]

    def dialled(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket: ...  # type: ignore[empty-body]


@pytest.mark.parametrize(
    ("interface", "method", "function"),
    [
        *((mtglib.AntiReplayCache, "seen_before", each) for each in (Answers().annotated, Answers().text)),
        *((mtglib.AntiReplayCache, "seen_before", each) for each in (Answers().nothing, Answers().unannotated)),
        (mtglib.AntiReplayCache, "seen_before", lambda data: True),
        (mtglib.AntiReplayCache, "seen_before", functools.partial(lambda more, data: True, 1)),
        (mtglib.Network, "dial", Answers().dialled),
    ],
)
def test_a_plain_function_is_none_whose_answer_can_be_awaited(interface: type, method: str, function: object) -> None:
    with pytest.raises(mtglib.OptionError) as raised:
        mtglib.check_part("part", part_with(interface, method, function), interface)
    assert str(raised.value) == f"part: expected an `async def` as {method}, but that of Odd is a plain function"


class Awaitables:
    """Plain functions that return what can be awaited, or may."""

    def annotated(self, data: bytes) -> Awaitable[bool]: ...  # type: ignore[empty-body]

    @functools.cache  # noqa: B019
    def wrapped(self, data: bytes) -> bool: ...  # type: ignore[empty-body]

    @types.coroutine
    def old(self, data):  # type: ignore[no-untyped-def]
        yield

    __call__ = annotated


@pytest.mark.parametrize(
    "function",
    [Awaitables().annotated, Awaitables().wrapped, Awaitables().old, Awaitables(), AsyncMock(), MagicMock(), anything],
)
def test_what_may_return_something_to_await_is_a_part(function: object) -> None:
    mtglib.check_part("part", part_with(mtglib.AntiReplayCache, "seen_before", function), mtglib.AntiReplayCache)


@pytest.mark.parametrize(("interface", "method"), [(mtglib.Observer, "observe"), (mtglib.IPBlocklist, "shutdown")])
def test_where_there_is_no_answer_a_plain_function_will_do(interface: type, method: str) -> None:
    mtglib.check_part("part", part_with(interface, method, lambda *_: None), interface)


def part_with(interface: type, method: str, function: Any) -> object:
    """A part that does whatever it is told, but for one method."""
    methods = [name for name in dir(interface) if not name.startswith("_")]
    return type("Odd", (), {name: staticmethod(anything) for name in methods} | {method: staticmethod(function)})()


@pytest.mark.parametrize(
    ("part", "interface", "text"),
    [
        (None, mtglib.EventStream, "part: expected an object with send, got None"),
        (
            NoopEventStream,
            mtglib.EventStream,
            "part: expected an object with send, got the class NoopEventStream itself",
        ),
        (5, mtglib.EventStream, "part: expected an object with send; int lacks send"),
        (
            AsyncList(),
            mtglib.IPBlocklist,
            "part: expected a plain function as contains, but that of AsyncList has to be awaited",
        ),
        (
            AsyncMock(),
            mtglib.EventStream,
            "part: expected a plain function as send, but that of AsyncMock has to be awaited",
        ),
    ],
)
def test_what_cannot_be_a_part_is_one_line(part: object, interface: type, text: str) -> None:
    with pytest.raises(mtglib.OptionError) as raised:
        mtglib.check_part("part", part, interface)
    assert str(raised.value) == text


def test_a_logger_of_the_standard_library_gets_a_hint() -> None:
    with pytest.raises(mtglib.OptionError, match=r"lacks .*bind.* \(wrap it: mtglib\.logger\.Standard\(logger\)\)$"):
        mtglib.check_part("logger", logging.getLogger("x"), mtglib.Logger)
    with pytest.raises(mtglib.OptionError) as raised:
        mtglib.check_part("logger", object(), mtglib.Logger)
    assert "wrap" not in str(raised.value)
