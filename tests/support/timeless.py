"""An event loop that never waits for a clock: its clock jumps to the next timer when no socket is ready."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

P = ParamSpec("P")


class _Selector(selectors.EpollSelector):
    """Skips the time for which it would wait."""

    skip: Callable[[float], None]

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready and timeout > 0:
            self.skip(timeout)
        return ready


class TimelessLoop(asyncio.SelectorEventLoop):
    """A loop on which a time-out of an hour takes no longer than one of a millisecond, and none comes too early.

    Only for tests without threads and processes: what the kernel does immediately is noticed before any time passes,
    but timers overtake anything that takes longer.

    Attributes:
        now_mono: The time of its clock.
        waits: How often it has waited for a timer.
    """

    def __init__(self) -> None:
        self.now_mono = 1000.0
        self.waits = 0
        selector = _Selector()
        selector.skip = self._skip
        super().__init__(selector)

    def time(self) -> float:
        return self.now_mono

    def _skip(self, seconds: float) -> None:
        self.now_mono += seconds
        self.waits += 1


def timeless(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test on a `TimelessLoop` of its own."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=TimelessLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
