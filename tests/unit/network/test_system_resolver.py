"""Look-ups that take long: shared by all who ask, bounded, and waited for by nobody who doesn't."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from mtglib.network import ClosableResolver, Resolver, system_resolver
from mtglib.network.system_resolver import SystemResolver

ANSWER = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))]


class SlowSystem:
    """A `getaddrinfo` that answers when it is let."""

    def __init__(self, outcome: list[Any] | OSError) -> None:
        self.let = threading.Event()
        self.asked: list[tuple[str, int]] = []
        self._outcome = outcome

    def __call__(self, host: str, port: int) -> list[Any]:
        self.asked.append((host, port))
        self.let.wait(30)
        if isinstance(self._outcome, OSError):
            raise self._outcome
        return self._outcome


@pytest.fixture
def slow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SlowSystem:
    system = SlowSystem(getattr(request, "param", ANSWER))
    monkeypatch.setattr(system_resolver, "_getaddrinfo", system)
    return system


async def give_up(resolver: SystemResolver, host: str) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0):
            await resolver.resolve(host, 443)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


def test_it_is_a_resolver_that_can_be_closed() -> None:
    assert isinstance(SystemResolver(), Resolver)
    assert isinstance(SystemResolver(), ClosableResolver)


async def test_all_who_ask_for_a_name_share_a_look_up(slow: SlowSystem) -> None:
    resolver = SystemResolver()
    asking = [asyncio.create_task(resolver.resolve("a.example", 443)) for _ in range(9)]
    await asyncio.sleep(0)
    asking.pop().cancel()
    slow.let.set()

    assert await asyncio.gather(*asking) == [[(socket.AF_INET, ("192.0.2.1", 443))]] * 8
    assert slow.asked == [("a.example", 443)]
    assert await resolver.resolve("a.example", 443)
    assert len(slow.asked) == 2


@pytest.mark.parametrize("slow", [OSError("no such name")], indirect=True)
async def test_an_error_is_told_to_all_and_forgotten(slow: SlowSystem) -> None:
    resolver = SystemResolver()
    slow.let.set()
    for _ in range(2):
        with pytest.raises(OSError, match="no such name"):
            await resolver.resolve("a.example", 443)
    assert len(slow.asked) == 2


@pytest.mark.parametrize(("host", "port"), [("a." + "b" * 70 + ".example", 443), ("a\0b", 443), ("a", 2**80)])
async def test_what_is_no_name_or_port_is_an_os_error(host: str, port: int) -> None:
    with pytest.raises(OSError, match=r"no host name, or|not known|not supported"):
        await SystemResolver().resolve(host, port)


async def test_a_flood_of_look_ups_is_bounded_and_served_in_turn(slow: SlowSystem) -> None:
    resolver, others = SystemResolver(), set(threading.enumerate())
    asking = [asyncio.create_task(resolver.resolve(f"{number}.example", 443)) for number in range(100)]
    await until(lambda: len(slow.asked) >= 32)
    assert sum(thread.name == "mtg-resolver" for thread in set(threading.enumerate()) - others) == 32
    slow.let.set()

    await asyncio.gather(*asking)
    assert sorted(slow.asked) == sorted((f"{number}.example", 443) for number in range(100))


async def test_who_gives_up_frees_the_place_in_the_queue(slow: SlowSystem) -> None:
    resolver = SystemResolver()
    busy = [asyncio.create_task(resolver.resolve(f"{number}.example", 443)) for number in range(32)]
    await asyncio.sleep(0)
    for number in range(32, 1000):
        await give_up(resolver, f"{number}.example")
    waits = asyncio.create_task(resolver.resolve("40.example", 443))
    await asyncio.sleep(0)
    slow.let.set()

    assert await waits
    await asyncio.gather(*busy)
    assert len(slow.asked) == 33, "nobody asks for what nobody waits for"


async def test_what_others_wait_for_stays_in_the_queue(slow: SlowSystem) -> None:
    resolver = SystemResolver()
    busy = [asyncio.create_task(resolver.resolve(f"{number}.example", 443)) for number in range(32)]
    waits = asyncio.create_task(resolver.resolve("40.example", 443))
    await asyncio.sleep(0)
    await give_up(resolver, "40.example")
    slow.let.set()

    assert await waits
    await asyncio.gather(*busy)


async def test_a_system_without_threads_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    resolver = SystemResolver()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_more)
        with pytest.raises(OSError, match="no thread"):
            await resolver.resolve("localhost", 443)

    assert await resolver.resolve("localhost", 443)


async def test_who_waits_when_it_is_closed_is_told_so(slow: SlowSystem) -> None:
    resolver = SystemResolver()
    asking = [asyncio.create_task(resolver.resolve(f"{number}.example", 443)) for number in range(40)]
    await asyncio.sleep(0)
    await resolver.aclose()

    for task in asking:
        with pytest.raises(OSError, match=r"^the resolver was closed$"):
            await task
    with pytest.raises(OSError, match=r"^the resolver was closed$"):
        await resolver.resolve("a.example", 443)
    slow.let.set()


def test_it_works_in_one_event_loop_after_the_other(slow: SlowSystem) -> None:
    slow.let.set()
    resolver = SystemResolver()

    for _ in range(2):
        assert asyncio.run(resolver.resolve("a.example", 443))


def test_a_program_ends_while_a_look_up_hangs(slow: SlowSystem) -> None:
    asyncio.run(give_up(SystemResolver(), "a.example"))  # would wait for its executor's threads
    assert not slow.let.is_set()
    slow.let.set()
