"""Traffic is reported once a second while there are jobs, and only then."""

from __future__ import annotations

import asyncio

from mtglib.relay.ticker import Ticker
from support.timeless import TimelessLoop, timeless


class Reports:
    """Counts them."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


async def waits_in(seconds: float) -> int:
    """How often the loop waits for a timer in this time, beside the one for its end."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, TimelessLoop)
    before = loop.waits
    await asyncio.sleep(seconds)
    return loop.waits - before - 1


@timeless
async def test_it_reports_once_a_second_for_as_long_as_there_is_a_job() -> None:
    reports = Reports()
    clock = Ticker(reports)
    clock.start()
    clock.start()
    await asyncio.sleep(3.5)
    assert reports.count == 3
    clock.stop()
    await asyncio.sleep(3)
    assert reports.count == 6
    clock.stop()
    await asyncio.sleep(3)
    assert reports.count == 6


@timeless
async def test_jobs_that_come_and_go_share_one_timer() -> None:
    reports = Reports()
    clock = Ticker(reports)
    for _ in range(100):
        clock.start()
        clock.stop()

    assert await waits_in(3.5) == 1
    assert reports.count == 0


@timeless
async def test_it_starts_again_after_a_rest() -> None:
    reports = Reports()
    clock = Ticker(reports)
    clock.start()
    clock.stop()
    await asyncio.sleep(3)

    clock.start()
    await asyncio.sleep(1.5)
    assert reports.count == 1
    clock.close()
    clock.close()


@timeless
async def test_close_cancels_what_is_scheduled() -> None:
    reports = Reports()
    clock = Ticker(reports)
    clock.start()
    clock.close()

    assert await waits_in(3.5) == 0
    assert reports.count == 0
