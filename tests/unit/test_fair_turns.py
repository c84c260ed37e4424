"""One at a time, and networks by turns."""

from __future__ import annotations

import asyncio

from mtglib.fair_turns import FairTurns


class Waiters:
    """Those who wait for turns, and in which order they have had them."""

    def __init__(self) -> None:
        self.turns = FairTurns()
        self.had: list[str] = []
        self.running = 0
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def come(self, name: str, network: int | None) -> None:
        self.tasks[name] = asyncio.get_running_loop().create_task(self._take(name, network))

    async def _take(self, name: str, network: int | None) -> None:
        async with self.turns.turn(network):
            self.running += 1
            assert self.running == 1
            self.had.append(name)
            await asyncio.sleep(0)
            self.running -= 1

    async def all(self) -> list[str]:
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        return self.had


async def test_networks_take_turns_and_each_serves_its_first_first() -> None:
    waiters = Waiters()
    for name in ("a1", "a2", "a3", "a4"):
        waiters.come(name, 1)
    waiters.come("b1", 2)
    waiters.come("b2", 2)
    waiters.come("c1", None)
    assert await waiters.all() == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]


async def test_who_leaves_is_passed_over() -> None:
    waiters = Waiters()
    for name in ("a1", "a2", "a3"):
        waiters.come(name, 1)
    await asyncio.sleep(0)
    waiters.tasks["a2"].cancel()
    assert await waiters.all() == ["a1", "a3"]


async def test_who_leaves_as_its_turn_comes_passes_it_on() -> None:
    waiters = Waiters()
    for name in ("a1", "a2", "a3"):
        waiters.come(name, 1)
    while waiters.running or not waiters.had:
        await asyncio.sleep(0)
    waiters.tasks["a2"].cancel()
    assert (await waiters.all())[-1] == "a3"
    waiters.come("a4", 1)
    assert (await waiters.all())[-1] == "a4"


async def test_an_error_ends_a_turn() -> None:
    turns = FairTurns()
    try:
        async with turns.turn(1):
            raise ValueError
    except ValueError:
        pass
    async with turns.turn(2):
        pass
