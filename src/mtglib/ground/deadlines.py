"""Time-outs around calls of other code, such as a user's part."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final, TypeVar

_T = TypeVar("_T")

LATE_SECONDS: Final = 0.05
"""How long we wait for a part beyond the time-out it was given: the part's own error says what went wrong, ours
doesn't.

An outer time-out allows twice as much as the inner one, so that the inner one's error gets through: our networks allow
the networks that they use this much, and the proxy allows its network twice as much.
"""


async def within(
    seconds: float,
    awaitable: Awaitable[_T],
    on_waiting: Callable[[asyncio.Timeout], None] | None = None,
    *,
    late_seconds: float = 0.0,
    what: str = "no answer",
) -> _T:
    """Await with a time-out.

    An awaitable that finishes without waiting, such as an in-memory cache or a connection within a machine, needs no
    timer: a timer and its context manager take 6 us, which was 3 % of a connection.

    Args:
        seconds: The time-out.
        awaitable: The awaitable.
        on_waiting: Called with the time-out if the awaitable doesn't finish immediately; `reschedule` can shorten the
            wait.
        late_seconds: How much longer to wait, if the awaitable was told to keep the time-out itself.
        what: The beginning of the error's message, before the time-out.

    Raises:
        TimeoutError: The time-out has passed. If the awaitable's own error has a message, it is raised unchanged.
        RuntimeError: The awaitable was cancelled, but not by the caller: it isn't a cancellation of this task.
        CancelledError: This task was cancelled, whatever the awaitable did then. If it still returned a socket, the
            socket is closed.
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
