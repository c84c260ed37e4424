"""The system's resolver as a `ClosableResolver`; `ground/test_name_lookup.py` has its look-ups."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from mtglib.network import ClosableResolver, Resolver
from mtglib.network.system_resolver import SystemResolver
from unit.slow_system import SlowSystem


async def give_up(resolver: SystemResolver, host: str) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0):
            await resolver.resolve(host, 443)


def test_it_is_a_resolver_that_can_be_closed() -> None:
    assert isinstance(SystemResolver(), Resolver)
    assert isinstance(SystemResolver(), ClosableResolver)


async def test_it_returns_what_a_socket_connects_to(slow: SlowSystem) -> None:
    slow.let.set()

    assert await SystemResolver().resolve("a.example", 443) == [(socket.AF_INET, ("192.0.2.1", 443))]


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


def test_a_program_ends_while_a_look_up_hangs(slow: SlowSystem) -> None:
    asyncio.run(give_up(SystemResolver(), "a.example"))  # would wait for its executor's threads
    assert not slow.let.is_set()
    slow.let.set()
