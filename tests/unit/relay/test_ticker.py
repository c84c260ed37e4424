"""Traffic is reported while there are jobs, and only then."""

from __future__ import annotations

import asyncio

import pytest

from mtglib.relay import ticker
from mtglib.relay.ticker import Ticker

SHIPPED_SECONDS = ticker.REPORT_EACH_SECONDS


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for whole seconds."""
    monkeypatch.setattr(ticker, "REPORT_EACH_SECONDS", 0.001)


class Reports:
    """Counts; `seen` waits for the next one."""

    def __init__(self) -> None:
        self.count = 0
        self._next = asyncio.Event()

    def __call__(self) -> None:
        self.count += 1
        self._next.set()

    async def seen(self) -> None:
        self._next.clear()
        await self._next.wait()


async def run_out(clock: Ticker) -> None:
    while clock._timer is not None:
        await asyncio.sleep(0)


def test_a_report_comes_once_a_second() -> None:
    assert SHIPPED_SECONDS == 1.0


async def test_it_reports_for_as_long_as_there_is_a_job() -> None:
    reports = Reports()
    clock = Ticker(reports)
    clock.start()
    clock.start()
    await reports.seen()
    clock.stop()
    await reports.seen()
    clock.stop()
    told = reports.count
    await run_out(clock)

    assert reports.count == told >= 2


async def test_jobs_that_come_and_go_share_one_timer() -> None:
    reports = Reports()
    clock = Ticker(reports)
    timers = set()
    for _ in range(100):
        clock.start()
        timers.add(clock._timer)
        clock.stop()
    await run_out(clock)

    assert len(timers) == 1
    assert reports.count == 0


async def test_it_starts_again_after_a_rest() -> None:
    reports = Reports()
    clock = Ticker(reports)
    clock.start()
    clock.stop()
    await run_out(clock)

    clock.start()
    await reports.seen()
    clock.close()
    clock.close()


async def test_close_cancels_what_is_scheduled() -> None:
    reports = Reports()
    clock = Ticker(reports)
    clock.start()
    timer = clock._timer
    clock.close()

    assert timer is not None
    assert timer.cancelled()
    assert clock._timer is None
