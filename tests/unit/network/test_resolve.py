"""Look-ups that take long: shared by all who ask, and waited for by nobody who doesn't."""

import asyncio
import socket
import threading
from typing import Any

import pytest

from mtglib.network import resolve
from mtglib.network.resolve import SystemResolver

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
    monkeypatch.setattr(resolve, "_getaddrinfo", system)
    return system


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


async def test_what_is_no_name_is_an_os_error() -> None:
    with pytest.raises(OSError, match="no host name"):
        await SystemResolver().resolve("a." + "b" * 70 + ".example", 443)


def test_a_program_ends_while_a_look_up_hangs(slow: SlowSystem) -> None:
    async def give_up() -> None:
        async with asyncio.timeout(0.01):
            await SystemResolver().resolve("a.example", 443)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())  # would wait for its executor's threads
    assert not slow.let.is_set()
    slow.let.set()
