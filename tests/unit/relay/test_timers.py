"""Many timers behind one."""

from __future__ import annotations

import asyncio

from mtglib.relay.timers import Timers


class Bell:
    """Notes when it rang; sets itself anew if it is told to."""

    tick: int | None = None

    def __init__(self, timers: Timers, again: bool = False) -> None:
        self.timers = timers
        self.again = again
        self.rang: list[float] = []
        self.on_ring = asyncio.Event()

    def look(self) -> None:
        now_mono = asyncio.get_running_loop().time()
        self.rang.append(now_mono)
        self.on_ring.set()
        if self.again and len(self.rang) < 3:
            self.timers.set(self, now_mono + 0.001)


async def test_it_rings_once_and_not_early() -> None:
    timers, at_mono = Timers(), asyncio.get_running_loop().time() + 0.02
    bell, other = Bell(timers), Bell(timers)
    timers.set(bell, at_mono)
    timers.set(other, at_mono)
    await other.on_ring.wait()
    await asyncio.sleep(0.03)

    assert len(bell.rang) == len(other.rang) == 1
    assert bell.rang[0] >= at_mono - 1e-6
    assert bell.tick is None


async def test_it_rings_at_the_last_time_that_was_set() -> None:
    timers, now_mono = Timers(), asyncio.get_running_loop().time()
    bell, first, removed = Bell(timers), Bell(timers), Bell(timers)
    timers.set(removed, now_mono + 0.005)
    timers.set(bell, now_mono + 600)
    timers.set(bell, now_mono + 0.03)
    timers.set(first, now_mono + 0.01)
    timers.remove(removed)
    timers.remove(removed)
    await bell.on_ring.wait()

    assert len(first.rang) == len(bell.rang) == 1
    assert first.rang < bell.rang
    assert removed.rang == []


async def test_what_rings_may_set_itself_again() -> None:
    timers = Timers()
    bell = Bell(timers, again=True)
    timers.set(bell, 0.0)
    while len(bell.rang) < 3:
        bell.on_ring.clear()
        await bell.on_ring.wait()

    assert bell.tick is None


async def test_after_close_nothing_rings() -> None:
    timers, now_mono = Timers(), asyncio.get_running_loop().time()
    bell = Bell(timers)
    timers.close()
    timers.set(bell, now_mono + 0.001)
    timers.close()
    await asyncio.sleep(0.03)

    assert bell.rang == []
