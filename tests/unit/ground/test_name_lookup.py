"""Look-ups that take long: shared by all who ask, bounded, and waited for by nobody who doesn't."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import pytest

from mtglib.ground.name_lookup import NameLookup
from support.eventually import eventually
from unit.slow_system import ANSWER, SlowSystem


async def give_up(lookup: NameLookup, host: str) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0):
            await lookup.addresses(host, 443)


async def test_a_look_up_is_under_way_until_it_is_answered(slow: SlowSystem) -> None:
    lookup = NameLookup("a-look-up")
    assert not lookup.is_under_way
    await give_up(lookup, "a.example")
    await eventually(lambda: slow.asked)
    assert lookup.is_under_way
    asking = asyncio.create_task(lookup.addresses("a.example", 443))
    slow.let.set()

    assert await asking == ANSWER
    assert not lookup.is_under_way
    assert len(slow.asked) == 1


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
async def test_addresses_are_of_the_kind_that_was_asked_for(kind: socket.SocketKind) -> None:
    found = await NameLookup("a-look-up").addresses("127.0.0.1", 53, kind)

    assert [(family, of_kind, address) for family, of_kind, _, _, address in found] == [
        (socket.AF_INET, kind, ("127.0.0.1", 53))
    ]


async def test_all_who_ask_for_a_name_share_a_look_up(slow: SlowSystem) -> None:
    lookup = NameLookup("a-look-up")
    asking = [asyncio.create_task(lookup.addresses("a.example", 443)) for _ in range(9)]
    await asyncio.sleep(0)
    asking.pop().cancel()
    slow.let.set()

    assert await asyncio.gather(*asking) == [ANSWER] * 8
    assert slow.asked == [("a.example", 443)]
    assert await lookup.addresses("a.example", 443)
    assert len(slow.asked) == 2


@pytest.mark.parametrize("slow", [OSError("no such name")], indirect=True)
async def test_an_error_is_told_to_all_and_forgotten(slow: SlowSystem) -> None:
    lookup = NameLookup("a-look-up")
    slow.let.set()
    for _ in range(2):
        with pytest.raises(OSError, match="no such name"):
            await lookup.addresses("a.example", 443)
    assert len(slow.asked) == 2


@pytest.mark.parametrize(("host", "port"), [("a." + "b" * 70 + ".example", 443), ("a\0b", 443), ("a", 2**80)])
async def test_what_is_no_name_or_port_is_an_os_error(host: str, port: int) -> None:
    with pytest.raises(OSError, match=r"a host name, or|not known|not supported"):
        await NameLookup("a-look-up").addresses(host, port)


async def test_a_flood_of_look_ups_is_bounded_and_served_in_turn(slow: SlowSystem) -> None:
    lookup, others = NameLookup("a-look-up"), set(threading.enumerate())
    asking = [asyncio.create_task(lookup.addresses(f"{number}.example", 443)) for number in range(100)]
    await eventually(lambda: len(slow.asked) >= 32)
    assert sum(thread.name == "a-look-up" for thread in set(threading.enumerate()) - others) == 32
    slow.let.set()

    await asyncio.gather(*asking)
    assert sorted(slow.asked) == sorted((f"{number}.example", 443) for number in range(100))


async def test_who_gives_up_frees_the_place_in_the_queue(slow: SlowSystem) -> None:
    lookup = NameLookup("a-look-up")
    busy = [asyncio.create_task(lookup.addresses(f"{number}.example", 443)) for number in range(32)]
    await asyncio.sleep(0)
    for number in range(32, 1000):
        await give_up(lookup, f"{number}.example")
    waits = asyncio.create_task(lookup.addresses("40.example", 443))
    await asyncio.sleep(0)
    slow.let.set()

    assert await waits
    await asyncio.gather(*busy)
    assert len(slow.asked) == 33, "nobody asks for what nobody waits for"


async def test_what_others_wait_for_stays_in_the_queue(slow: SlowSystem) -> None:
    lookup = NameLookup("a-look-up")
    busy = [asyncio.create_task(lookup.addresses(f"{number}.example", 443)) for number in range(32)]
    waits = asyncio.create_task(lookup.addresses("40.example", 443))
    await asyncio.sleep(0)
    await give_up(lookup, "40.example")
    slow.let.set()

    assert await waits
    await asyncio.gather(*busy)


async def test_a_system_without_threads_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    lookup = NameLookup("a-look-up")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_more)
        with pytest.raises(OSError, match="no thread"):
            await lookup.addresses("localhost", 443)

    assert await lookup.addresses("localhost", 443)


def test_it_works_in_one_event_loop_after_the_other(slow: SlowSystem) -> None:
    slow.let.set()
    lookup = NameLookup("a-look-up")

    for _ in range(2):
        assert asyncio.run(lookup.addresses("a.example", 443))
