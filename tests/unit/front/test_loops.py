"""Which visitors are taken for a loop, and which are only slowed down."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

import mtglib
from mtglib.front import loops
from mtglib.front.loops import LoopGuard
from mtglib.roster import Entry
from mtglib.visitor import Endpoint, Visitor

HELLO = b"a whole hello"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little patience."""
    monkeypatch.setattr(loops, "_PATIENCE_SECONDS", 0.01)


def entry(ip: str = "192.0.2.1") -> Entry:
    return Entry("a", Visitor(Endpoint(ip_address(ip), 1), None), 0.0)


async def entered(guard: LoopGuard, count: int, said: bytes = HELLO, ip: str = "192.0.2.1") -> list[Entry]:
    made = [entry(ip) for _ in range(count)]
    for each in made:
        await guard.enter(each, said, is_whole_hello=said == HELLO)
    return made


async def test_a_ninth_hello_of_a_network_without_an_answer_is_a_loop() -> None:
    guard = LoopGuard(lambda: None)
    await entered(guard, 8)

    with pytest.raises(mtglib.UpstreamError, match=r"domain-fronting: .* leads back to this proxy"):
        await entered(guard, 1)


async def test_hellos_of_other_networks_and_other_hellos_are_none() -> None:
    guard = LoopGuard(lambda: None)
    await entered(guard, 8)
    await entered(guard, 8, ip="192.0.2.2")
    for number in range(20):
        await guard.enter(entry(), b"hello %d" % number, is_whole_hello=True)


@pytest.mark.parametrize("how", ["answered", "over"])
async def test_those_who_have_an_answer_or_are_gone_do_not_count(how: str) -> None:
    guard = LoopGuard(lambda: None)
    for each in await entered(guard, 8):
        each.to_client_bytes, each.is_over = int(how == "answered"), how == "over"

    await entered(guard, 8)


async def test_an_answer_that_comes_meanwhile_lets_all_who_wait_on() -> None:
    made: list[Entry] = []

    def refresh() -> None:
        made[0].to_client_bytes = 1

    guard = LoopGuard(refresh)
    made += await entered(guard, 8)

    await asyncio.gather(*(entered(guard, 1) for _ in range(20)))


async def test_one_that_is_cancelled_takes_the_others_no_answer() -> None:
    guard = LoopGuard(lambda: None)
    await entered(guard, 8)
    waiting = [asyncio.create_task(entered(guard, 1)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()

    outcomes = await asyncio.gather(*waiting, return_exceptions=True)

    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert all(isinstance(outcome, mtglib.UpstreamError) for outcome in outcomes[1:])


@pytest.mark.parametrize("said", [b"", b"GET "])
async def test_others_who_say_the_same_only_wait(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "_LONGEST_PAUSE_SECONDS", 0.02)
    paused: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        paused.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", noted)
    guard = LoopGuard(lambda: None)
    await entered(guard, 32, said)
    assert paused == []

    await entered(guard, 4, said)

    assert paused == [0.01, 0.02, 0.02, 0.02]


async def test_what_is_remembered_is_bounded() -> None:
    guard = LoopGuard(lambda: None)
    for number in range(3000):
        await guard.enter(entry(), b"%d" % number, is_whole_hello=True)

    assert len(guard._unanswered) == loops._MOST_REMEMBERED
