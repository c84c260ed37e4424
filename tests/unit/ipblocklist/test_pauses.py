"""When `run` tries again, on an event loop for which no time passes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from typing import Any, TypeVarTuple, Unpack

import pytest

from mtglib.ipblocklist import FireHOL
from mtglib.network import Direct

Ts = TypeVarTuple("Ts")
PERIOD_SECONDS = 3600.0
RETRY_SECONDS = 60.0


class ImpatientLoop(asyncio.SelectorEventLoop):
    """Whose timers are all due at once; `pauses` are what they should have waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self.on_pause: Callable[[int], object] = lambda count: None

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self.pauses.append(delay)
        self.on_pause(len(self.pauses))
        return super().call_later(0, callback, *args, context=context)


def pauses(path: Path, count: int, on_pause: Callable[[int], object], **options: float) -> list[float]:
    """How long `run` waited, the first so many times; `on_pause` is told which it is, from 1 on."""

    async def main() -> list[float]:
        loop, enough = asyncio.get_running_loop(), asyncio.Event()
        assert isinstance(loop, ImpatientLoop)

        def paused(number: int) -> None:
            on_pause(number)
            if number == count:
                enough.set()

        loop.on_pause = paused
        found = FireHOL([str(path)], network=Direct(), retry_seconds=options.get("retry_seconds", RETRY_SECONDS))
        running = asyncio.create_task(found.run(PERIOD_SECONDS))
        await enough.wait()
        await found.shutdown()
        await running
        return loop.pauses[:count]

    with asyncio.Runner(loop_factory=ImpatientLoop) as runner:
        return runner.run(main())


def about(*expected: float) -> list[Any]:
    return [pytest.approx(seconds, rel=0.1) for seconds in expected]


def nothing(number: int) -> None:
    """Let it go on."""


def test_failures_are_tried_again_after_ever_longer_times_up_to_the_period(tmp_path: Path) -> None:
    found = pauses(tmp_path / "missing", 9, nothing)

    assert found == about(60, 120, 240, 480, 960, 1920, 3600, 3600, 3600)


def test_a_success_waits_for_the_period_and_forgets_the_failures(tmp_path: Path) -> None:
    path = tmp_path / "list"

    def on_pause(number: int) -> None:
        if number == 3:
            path.write_text("192.0.2.0/24\n")
        if number == 5:
            path.unlink()

    assert pauses(path, 7, on_pause) == about(60, 120, 240, 3600, 3600, 60, 120)


def test_a_failure_is_never_tried_later_than_a_success(tmp_path: Path) -> None:
    assert pauses(tmp_path / "missing", 3, nothing, retry_seconds=86400.0) == about(3600, 3600, 3600)


def test_failures_without_end_are_tried_for_ever(tmp_path: Path) -> None:
    assert pauses(tmp_path / "missing", 1200, nothing)[-1:] == about(3600)


def test_pauses_differ_by_chance(tmp_path: Path) -> None:
    (path := tmp_path / "list").write_text("192.0.2.0/24\n")
    found = pauses(path, 200, nothing)

    assert found == about(*[PERIOD_SECONDS] * 200)
    assert min(found) < 0.95 * PERIOD_SECONDS < 1.05 * PERIOD_SECONDS < max(found)
