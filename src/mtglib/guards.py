"""What stands between the proxy and the parts that a user brings: what they raise ends here."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from typing import Any, TypeVar

from .event_types import Event, IPAddress
from .interfaces import EventStream, IPBlocklist, Logger

_T = TypeVar("_T")
_WARN_EACH_SECONDS = 60.0


class GuardedLogger:
    """A `Logger` whose failures are ignored; where it makes no child that can log, it goes on itself."""

    def __init__(self, logger: Logger) -> None:
        self._logger = logger

    def named(self, name: str) -> "GuardedLogger":
        """See `Logger.named`."""
        try:
            return self._or_self(self._logger.named(name))
        except Exception:
            return self

    def bind(self, **fields: Any) -> "GuardedLogger":
        """See `Logger.bind`."""
        try:
            return self._or_self(self._logger.bind(**fields))
        except Exception:
            return self

    @property
    def debug_enabled(self) -> bool:
        """Whether debug messages get anywhere: True for loggers that don't say."""
        try:
            return bool(getattr(self._logger, "debug_enabled", True))
        except Exception:
            return True

    def debug(self, message: str, *, error: BaseException | None = None) -> None:
        """See `Logger.debug`."""
        with suppress(Exception):
            self._logger.debug(message, error=error)

    def info(self, message: str, *, error: BaseException | None = None) -> None:
        """See `Logger.info`."""
        with suppress(Exception):
            self._logger.info(message, error=error)

    def warning(self, message: str, *, error: BaseException | None = None) -> None:
        """See `Logger.warning`."""
        with suppress(Exception):
            self._logger.warning(message, error=error)

    def _or_self(self, child: Logger) -> "GuardedLogger":
        return GuardedLogger(child) if callable(getattr(child, "info", None)) else self


class Warnings:
    """Says each thing at most once a minute, however often it happens."""

    def __init__(self, logger: GuardedLogger) -> None:
        self._logger = logger
        self._said_at_mono: dict[str, float] = {}

    def warn(self, subject: str, message: str, *, error: BaseException | None = None) -> None:
        """Warn, unless there was a warning about `subject` within the last minute."""
        now_mono = time.monotonic()
        if now_mono - self._said_at_mono.get(subject, -_WARN_EACH_SECONDS) >= _WARN_EACH_SECONDS:
            self._said_at_mono[subject] = now_mono
            self._logger.warning(message, error=error)

    def part_failed(self, part: object, method: str, error: BaseException) -> None:
        """Warn that a user's part raised or was late."""
        name = f"{type(part).__name__}.{method}"
        self.warn(name, f"{name} failed: {type(error).__name__}", error=error)


class Emitter:
    """Sends events.

    Attributes:
        dropped: How many the stream raised on.
    """

    def __init__(self, stream: EventStream, warnings: Warnings) -> None:
        self._stream = stream
        self._send = stream.send
        self._warnings = warnings
        self.dropped = 0

    def send(self, event: Event) -> None:
        """Hand an event over."""
        try:
            self._send(event)
        except Exception as error:
            self.dropped += 1
            self._warnings.part_failed(self._stream, "send", error)


async def within(
    seconds: float, awaitable: Awaitable[_T], on_waiting: Callable[[asyncio.Timeout], None] | None = None
) -> _T:
    """Await with a bound.

    What is done at once, as in-memory caches and connections within a machine are, costs no timer: a timer and its
    context manager are 6 us, which was 3 % of a connection.

    Args:
        seconds: The bound.
        awaitable: What is awaited.
        on_waiting: Called if it isn't done at once, with the time-out, whose `reschedule` cuts the wait short.

    Raises:
        TimeoutError: The bound was reached.
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
        async with asyncio.timeout(seconds) as bound:
            if on_waiting is not None:
                on_waiting(bound)
            result = await _Rest(steps, waits_for)
    except asyncio.CancelledError as error:
        if _is_being_cancelled():
            raise
        raise RuntimeError("what was waited for has been cancelled") from error
    except Exception as error:
        if _is_being_cancelled():
            raise asyncio.CancelledError from error
        raise
    if _is_being_cancelled():
        if isinstance(result, socket.socket):
            result.close()
        raise asyncio.CancelledError
    return result


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def contains(ip_list: IPBlocklist, ip: IPAddress, warnings: Warnings, *, when_broken: bool) -> bool:
    """Ask a list about an address; `when_broken` if it raises, or returns something else than a bool."""
    try:
        answer: Any = ip_list.contains(ip)
        if isinstance(answer, bool):
            return answer
        if asyncio.iscoroutine(answer):
            answer.close()  # else Python warns of it, too
        raise TypeError(f"expected True or False, got {type(answer).__name__}")
    except Exception as error:
        warnings.part_failed(ip_list, "contains", error)
        return when_broken


def guarded_clock(clock: Callable[[], float], warnings: Warnings) -> Callable[[], float]:
    """Return a clock whose place the system's takes when it fails: every stream gets its last event."""

    def now_unix() -> float:
        try:
            return float(clock())
        except Exception as error:
            warnings.warn("clock", f"the clock failed: {type(error).__name__}", error=error)
            return time.time()

    return now_unix


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
