"""How a site is asked: seldom, one hello at a time, and at the cost of nothing else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.answers import Answers
from mtglib.front.learner import Learner
from mtglib.ground.guarded_logger import GuardedLogger, Warnings
from mtglib.keyshare import KeyShares
from mtglib.wire.hello_shape import parse_shape
from support import sockets
from support.client_hello import build_client_hello, hello_records
from support.timeless import timeless
from unit.wire.test_fresh_hello import with_extension
from unit.wire.test_server_flight import CCS, encrypted, server_hello

HOST = "front.example"
HELLO = hello_records(build_client_hello(HOST, shape="old"))
SHAPE = parse_shape(HELLO)
ANSWER = server_hello() + CCS + encrypted(36, 837)


class Asking:
    """A learner, and the site's ends of its connections."""

    def __init__(self) -> None:
        self.now_mono = 0.0
        self.answers = Answers()
        self.log = RecordingLogger()
        self.sites: list[socket.socket] = []
        self.refusal: Exception | None = None
        self.dial_seconds = 0.0
        warnings = Warnings(GuardedLogger(self.log))
        shares = KeyShares()
        self.learner = Learner(self._dial, self.answers, shares.another_clients, warnings, lambda: self.now_mono)

    async def _dial(self) -> socket.socket:
        if self.refusal is not None:
            raise self.refusal
        self.now_mono += self.dial_seconds
        ours, theirs = socket.socketpair()
        for sock in (ours, theirs):
            sock.setblocking(False)
        self.sites.append(theirs)
        return ours

    def saw(self, host: str = HOST) -> None:
        self.learner.saw(host, SHAPE, HELLO, b"PROXY ")

    async def asked(self) -> socket.socket:
        """Return the site's end of the latest connection, with the question read."""
        while not self.sites:
            await asyncio.sleep(0)
        site = self.sites[-1]
        question = await sockets.recv_exactly(site, 6 + len(HELLO))
        assert question[:6] == b"PROXY "
        assert parse_shape(question[6:]).key == SHAPE.key
        return site

    async def over(self) -> None:
        assert self.learner.learning is not None
        await self.learner.learning

    async def learn(self) -> None:
        """Ask once, and be answered."""
        self.sites.clear()
        self.saw()
        site = await self.asked()
        await sockets.send_all(site, ANSWER)
        await self.over()
        site.close()


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    asking = Asking()
    yield asking
    await asking.learner.close()
    for site in asking.sites:
        site.close()


@timeless
async def test_a_site_that_waits_for_its_client_has_answered(asking: Asking) -> None:
    asking.saw()
    site = await asking.asked()
    for part in (ANSWER[:10], ANSWER[10:200], ANSWER[200:]):
        await sockets.send_all(site, part)
        await asyncio.sleep(0.3)
    await asking.over()

    (flight,) = asking.answers.seen(HOST, SHAPE)
    assert flight.encrypted_bytes == 2 * 5 + 36 + 837
    assert (await sockets.recv_until_end(site)).data == b"", "we have nothing more to say"


@timeless
async def test_how_long_the_site_took_is_learnt_too(asking: Asking) -> None:
    asking.dial_seconds = 0.02
    asking.saw()
    site = await asking.asked()
    asking.now_mono += 0.03
    await sockets.send_all(site, ANSWER[:1])
    await asyncio.sleep(0.3)
    asking.now_mono += 5
    await sockets.send_all(site, ANSWER[1:])
    await asking.over()

    (flight,) = asking.answers.seen(HOST, SHAPE)
    assert flight.connect_seconds == pytest.approx(0.02)
    assert flight.first_byte_seconds == pytest.approx(0.03), "the rest of the flight doesn't count"


@timeless
async def test_a_few_answers_are_learnt_within_minutes_and_later_one_in_hours(asking: Asking) -> None:
    for pause_seconds in (600.0, 600.0, 5 * 3600.0, 5 * 3600.0):
        count = len(asking.answers.seen(HOST, SHAPE))
        await asking.learn()
        assert len(asking.answers.seen(HOST, SHAPE)) == count + 1
        asking.now_mono += pause_seconds / 10
        asking.saw()
        assert asking.learner.learning is None
        asking.now_mono += pause_seconds


@timeless
async def test_there_is_one_question_at_a_time(asking: Asking) -> None:
    asking.saw()
    await asking.asked()
    learning = asking.learner.learning
    asking.saw("other.example")

    assert asking.learner.learning is learning
    assert len(asking.sites) == 1


@timeless
async def test_there_are_twelve_questions_an_hour(asking: Asking) -> None:
    asking.refusal = OSError("nobody there")
    asked = 0
    for number in range(40):
        asking.saw(f"{number}.example")
        if asking.learner.learning is not None:
            asked += 1
            await asking.over()
    assert asked == 12

    asking.now_mono += 3601
    asking.saw("another.example")
    assert asking.learner.learning is not None


@timeless
@pytest.mark.parametrize(
    ("answer", "then_end", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", True, "less than it announced"),
        (b"\x15\x03\x03\x00\x02\x02\x28", True, "an alert"),
        (ANSWER[:-1], False, "less than it announced"),
        (b"", True, "nothing"),
        (b"", False, "time-out"),
        (bytes(200_000), False, "more than 65536 bytes"),
    ],
)
async def test_a_site_that_answers_otherwise_is_told_of_and_left_alone(
    asking: Asking, answer: bytes, then_end: bool, why: str
) -> None:
    asking.saw()
    site = await asking.asked()
    sending = asyncio.create_task(sockets.send_all(site, answer))
    if then_end:
        await sending
        sockets.send_eof(site)
    await asking.over()
    await asyncio.gather(sending, return_exceptions=True)

    assert len(asking.answers.seen(HOST, SHAPE)) == 0
    (warning,) = asking.log.warnings
    assert why in str(warning)
    asking.now_mono += 599
    asking.saw()
    assert asking.learner.learning is None
    asking.now_mono += 700
    asking.saw()
    assert asking.learner.learning is not None


@timeless
@pytest.mark.parametrize("refusal", [OSError("nobody there"), mtglib.UpstreamError("leads back"), TimeoutError()])
async def test_a_site_out_of_reach_is_told_of(asking: Asking, refusal: Exception) -> None:
    asking.refusal = refusal
    asking.saw()
    await asking.over()

    (warning,) = asking.log.warnings
    assert (str(refusal) or "time-out") in str(warning)


@timeless
async def test_a_hello_that_can_be_read_but_not_made_anew_is_told_of(asking: Asking) -> None:
    """Only a holder of the secret can send it."""
    malformed = with_extension(HELLO, 0xFE0D, b"no ECH")
    asking.learner.saw(HOST, parse_shape(malformed), malformed, b"")
    await asking.over()

    assert asking.sites == []
    (warning,) = asking.log.warnings
    assert "a field that ends too early" in str(warning)


@timeless
async def test_a_question_ends_with_the_proxy_however_often_it_is_told(asking: Asking) -> None:
    asking.saw()
    site = await asking.asked()
    await asyncio.gather(asking.learner.close(), asking.learner.close())

    assert asking.learner.learning is None
    assert await sockets.recv_until_end(site) == sockets.Received(b"", "eof")
    assert asking.log.warnings == []
