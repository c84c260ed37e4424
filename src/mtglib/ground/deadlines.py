"""Time-outs around what others do, such as a user's part."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final, TypeVar

_T = TypeVar("_T")

LATE_SECONDS: Final = 0.05
"""How much later than it was told to a part is given up: its own error says what was going on, ours only how long.

The bound that is around another one is twice as late, so that the inner one's error gets out: networks of ours allow
those that they use this much, and the proxy allows its network twice as much.
"""


async def within(
    seconds: float,
    awaitable: Awaitable[_T],
    on_waiting: Callable[[asyncio.Timeout], None] | None = None,
    *,
    late_seconds: float = 0.0,
    what: str = "no answer",
) -> _T:
    """Await with a bound.

    What is done at once, as in-memory caches and connections within a machine are, costs no timer: a timer and its
    context manager are 6 us, which was 3 % of a connection.

    Args:
        seconds: The bound.
        awaitable: What is awaited.
        on_waiting: Called if it isn't done at once, with the time-out, whose `reschedule` cuts the wait short.
        late_seconds: How much later the wait ends, where the awaitable was told to keep the bound itself.
        what: The beginning of the error's text, before the bound.

    Raises:
        TimeoutError: The bound was reached. An error of the awaitable's own that has a text is raised as it is.
        RuntimeError: The awaitable was cancelled by somebody else than who waits for it: that isn't our cancellation.
        CancelledError: This task was cancelled, whatever the awaitable made of that. If it returned a socket all the
            same, that is closed.
    """
    steps = awaitable.__await__()
    try:
        try:
            waits_for = next(steps)
        except StopIteration as done:
            at_once: _T = done.value
            return at_once
        async with asyncio.timeout(seconds + late_seconds) as bound:
            if on_waiting is not None:
                on_waiting(bound)
            result = await _Rest(steps, waits_for)
    except asyncio.CancelledError as error:
        if _is_being_cancelled():
            raise
        raise RuntimeError("the awaited operation was cancelled") from error
    except Exception as error:
        if _is_being_cancelled():
            raise asyncio.CancelledError from error
        if isinstance(error, TimeoutError) and not str(error):
            raise TimeoutError(f"{what} within {round(seconds, 3):g} s") from error
        raise
    if _is_being_cancelled():
        if isinstance(result, socket.socket):
            result.close()
        raise asyncio.CancelledError
    return result


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class _Rest(Awaitable[_T]):
    """An awaitable that has taken its first step."""

    def __init__(self, steps: Generator[Any, Any, _T], waits_for: Any) -> None:
        self._steps = steps
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, _T]:
        try:
            yield self._waits_for
        except BaseException as error:
            try:
                self._waits_for = self._steps.throw(error)
            except StopIteration as done:
                result: _T = done.value
                return result
            return (yield from self.__await__())
        return (yield from self._steps)
