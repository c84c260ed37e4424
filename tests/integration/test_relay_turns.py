"""A relay that has nothing to do does nothing: its turns are counted, not its time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from integration.pair import recv_exactly, recv_until_end, together
from integration.pour import Pour
from integration.relayed import Relayed, relayed
from support import sockets

FEW_TURNS = 1
"""In a tenth of a second, in which a loop that spins takes thousands, and one that polls each 10 ms ten."""


async def idle(around: Relayed) -> None:
    await around.client.send(b"up")
    assert await recv_exactly(around.upstream, 2) == b"up"


async def half_closed(around: Relayed) -> None:
    around.upstream.send_eof()
    assert await recv_until_end(around.client) == sockets.Received(b"", "eof")


async def half_closed_and_blocked(around: Relayed) -> None:
    pour = Pour(around.client)
    await pour.until_blocked()
    around.upstream.send_eof()
    assert await recv_until_end(around.client) == sockets.Received(b"", "eof")
    sockets.send_eof(around.client.sock)


async def blocked(around: Relayed) -> None:
    await together(Pour(around.client, 1).until_blocked(), Pour(around.upstream, 2).until_blocked())


async def delivering(around: Relayed) -> None:
    pour = Pour(around.upstream)
    await pour.until_blocked()
    await pour.vanish()


async def delivering_to_one_that_has_ended(around: Relayed) -> None:
    around.client.send_eof()
    await delivering(around)


SITUATIONS: list[Callable[[Relayed], Awaitable[None]]] = [
    *(idle, half_closed, half_closed_and_blocked, blocked),
    *(delivering, delivering_to_one_that_has_ended),
]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
async def test_nothing_to_do_is_nothing_done(relay: str, situation: Callable[[Relayed], Awaitable[None]]) -> None:
    async with relayed(relay, half_closed_timeout=60.0) as around:
        await situation(around)

        turns = 1000
        while turns > FEW_TURNS:  # the first looks at a backlog come quickly; what spins has no end
            before = around.turns()
            await asyncio.sleep(0.1)
            turns = around.turns() - before
        for task in asyncio.all_tasks():
            if task.get_name() == "test-pour":
                task.cancel()
