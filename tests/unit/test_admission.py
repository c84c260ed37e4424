"""Who is let in: no socket, and a clock and a memory of the test's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib import ClientError, Reason, Secret
from mtglib.admission import Admitted, admit
from mtglib.key_search import KeySearch
from mtglib.users import User, Users
from mtglib.users.candidates import Candidates
from support.client_hello import RANDOM_AT, Shape, build_client_hello, hello_records, sign_hello
from support.timeless import TimelessLoop

SECRET = Secret(bytes(range(16)), "front.example")
OTHER = Secret(bytes(range(1, 17)), "other.example")
NOW_UNIX = 1_700_000_000
TOLERATE_SECONDS = 5.0

shapes: st.SearchStrategy[Shape] = st.sampled_from(["old", "modern"])


class Memory:
    """An anti-replay cache that remembers everything, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    async def seen_before(self, data: bytes) -> bool:
        self.asked.append(data)
        return data in self.asked[:-1]


class Answering:
    """An anti-replay cache that does as told."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self._answer = answer

    async def seen_before(self, data: bytes) -> bool:
        answer = self._answer()
        return await answer if asyncio.iscoroutine(answer) else answer  # type: ignore[no-any-return]


def hello(secret: Secret = SECRET, *, stamp: int = NOW_UNIX, name: str | None = None, shape: Shape = "modern") -> bytes:
    message = build_client_hello(secret.host if name is None else name, shape=shape)
    return hello_records(sign_hello(message, secret.key, stamp))


def retimed(record: bytes, recorded: int, now: int) -> bytes:
    changed = bytearray(record)
    for place, change in enumerate((recorded ^ now).to_bytes(4, "little"), 5 + RANDOM_AT + 28):
        changed[place] ^= change
    return bytes(changed)


def outcome(record: bytes, memory: Any = None, *, secrets: list[Secret] | None = None, now: float = NOW_UNIX) -> Any:
    """Admit; return who was, or the reason if nobody was."""
    users = Users(User(f"{number}", secret) for number, secret in enumerate(secrets or [SECRET]))

    async def deciding() -> Admitted:
        return await admit(
            record,
            1,
            KeySearch(Candidates(users)),
            now_unix=lambda: now,
            tolerate_seconds=TOLERATE_SECONDS,
            cache=memory or Memory(),
        )

    try:
        with asyncio.Runner(loop_factory=TimelessLoop) as runner:
            return runner.run(deciding())
    except ClientError as error:
        return error.reason


@pytest.mark.parametrize("secret", [SECRET, OTHER])
def test_a_client_of_any_secret_is_let_in(secret: Secret) -> None:
    admitted = outcome(hello(secret), secrets=[SECRET, OTHER])

    assert isinstance(admitted, Admitted)
    assert (admitted.secret, admitted.hello.server_name) == (secret, secret.host)


@pytest.mark.parametrize("name", ["FRONT.example", "Front.Example"])
def test_the_hosts_case_does_not_matter(name: str) -> None:
    assert isinstance(outcome(hello(name=name)), Admitted)


@pytest.mark.parametrize("name", ["", "other.example", "xfront.example", "front.example."])
def test_another_host_is_refused(name: str) -> None:
    assert outcome(hello(name=name)) is Reason.SNI


def test_the_host_has_to_be_that_of_the_very_secret() -> None:
    assert outcome(hello(SECRET, name=OTHER.host), secrets=[SECRET, OTHER]) is Reason.SNI


@given(off_seconds=st.integers(-20, 20), fraction=st.floats(0, 0.999))
def test_clocks_may_be_off_by_what_is_tolerated(off_seconds: int, fraction: float) -> None:
    now = NOW_UNIX + fraction
    within = abs(now - (NOW_UNIX + off_seconds)) <= TOLERATE_SECONDS

    result = outcome(hello(stamp=NOW_UNIX + off_seconds), now=now)

    assert isinstance(result, Admitted) if within else result is Reason.CLOCK


def test_every_flipped_bit_of_a_byte_is_refused_but_the_clocks() -> None:
    record = hello(shape="old")
    clock = range(5 + RANDOM_AT + 28, 5 + RANDOM_AT + 32)
    for place in range(len(record)):
        changed = bytearray(record)
        changed[place] ^= 0x80
        reason = outcome(bytes(changed))
        assert reason is Reason.DIGEST if place not in clock else reason in (Reason.CLOCK, Reason.DIGEST), place


@given(shape=shapes, later=st.integers(0, 2**32 - 1 - NOW_UNIX))
def test_a_replay_is_known_whatever_its_clock_says(shape: Shape, later: int) -> None:
    memory, record = Memory(), hello(shape=shape)
    assert isinstance(outcome(record, memory), Admitted)

    again = retimed(record, NOW_UNIX, NOW_UNIX + later)

    assert outcome(again, memory, now=NOW_UNIX + later) is Reason.REPLAY
    assert memory.asked == [record[5 + RANDOM_AT :][:28]] * 2


@pytest.mark.parametrize(("stamp", "name", "reason"), [(1, None, Reason.CLOCK), (NOW_UNIX, "x.y", Reason.SNI)])
def test_what_is_refused_is_remembered_too(stamp: int, name: str | None, reason: Reason) -> None:
    memory, record = Memory(), hello(stamp=stamp, name=name)

    assert outcome(record, memory) is reason
    assert outcome(retimed(record, stamp, NOW_UNIX), memory) is Reason.REPLAY


@pytest.mark.parametrize("record", [hello(Secret(bytes(range(2, 18)), "front.example")), hello()[:-1] + b"?"])
def test_whoever_has_no_secret_gets_nothing_remembered(record: bytes) -> None:
    memory = Memory()

    assert outcome(record, memory) is Reason.DIGEST
    assert memory.asked == []


def test_a_record_that_ends_within_its_random_is_not_tls() -> None:
    record = hello(shape="old")
    reasons = {length: outcome(record[:length]) for length in range(5 + RANDOM_AT + 40)}

    assert {length for length, reason in reasons.items() if reason is Reason.NOT_TLS} == set(range(5 + RANDOM_AT + 32))


def raise_error() -> bool:
    raise LookupError("no memory")


def be_cancelled() -> bool:
    raise asyncio.CancelledError


@pytest.mark.parametrize("answer", [raise_error, be_cancelled, lambda: None, lambda: 1, lambda: "no"])
def test_a_broken_memory_is_no_replay(answer: Callable[[], Any]) -> None:
    assert outcome(hello(), Answering(answer)) is Reason.REPLAY_CACHE


def test_a_memory_that_takes_longer_than_a_second_is_broken() -> None:
    assert isinstance(outcome(hello(), Answering(lambda: asyncio.sleep(0.9, False))), Admitted)
    assert outcome(hello(), Answering(lambda: asyncio.sleep(1.1, False))) is Reason.REPLAY_CACHE
    assert outcome(hello(), Answering(lambda: asyncio.Event().wait())) is Reason.REPLAY_CACHE


@given(data=st.binary(max_size=300))
def test_garbage_is_refused_whatever_it_is(data: bytes) -> None:
    assert outcome(data) in (Reason.NOT_TLS, Reason.DIGEST)
