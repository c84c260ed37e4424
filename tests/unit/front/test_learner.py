"""How a site is asked: seldom, one hello at a time, and at the cost of nothing else."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.answers import Answers
from mtglib.front.learner import Learner
from mtglib.ground.guarded_logger import GuardedLogger
from mtglib.keyshare import KeyShares
from mtglib.wire.hello_shape import HelloShape, parse_shape
from mtglib.wire.known_hellos import KNOWN_HELLOS
from mtglib.wire.server_flight import read_flight
from support import sockets
from support.client_hello import build_client_hello, hello_records, with_key_shares
from support.timeless import timeless
from support.tls_records import HEADER_BYTES
from unit.wire.test_fresh_hello import with_extension
from unit.wire.test_server_flight import CCS, RETRY, VERSION, encrypted, server_hello

HOST = "front.example"
HELLO = hello_records(build_client_hello(HOST, shape="old"))
SHAPE = parse_shape(HELLO)
ANSWER = server_hello() + CCS + encrypted(36, 837)
HOUR = 3600.0


class Asking:
    """A learner, and the site's ends of its connections."""

    def __init__(self) -> None:
        self.now_mono = 0.0
        self.answers = Answers(3)
        self.log = RecordingLogger()
        self.sites: list[socket.socket] = []
        self.refusal: Exception | None = None
        self.dial_seconds = 0.0
        self.learnt_of: list[str] = []
        self.learner = Learner(
            self._dial,
            self.answers,
            KeyShares().another_clients,
            GuardedLogger(self.log),
            each_seconds=4 * HOUR,
            samples=3,
            on_learnt=self.learnt_of.append,
            now_unix=lambda: 1e9 + self.now_mono,
            clock=lambda: self.now_mono,
        )

    async def _dial(self) -> socket.socket:
        if self.refusal is not None:
            raise self.refusal
        self.now_mono += self.dial_seconds
        ours, theirs = socket.socketpair()
        for sock in (ours, theirs):
            sock.setblocking(False)
        self.sites.append(theirs)
        return ours

    def saw(self, host: str = HOST, record: bytes = HELLO) -> None:
        self.learner.saw(host, parse_shape(record).key, record, lambda: b"PROXY ")

    async def asked(self) -> socket.socket:
        """Return the site's end of the latest connection."""
        while not self.sites:
            await asyncio.sleep(0)
        return self.sites[-1]

    async def question(self) -> HelloShape:
        """Read what the site is asked."""
        site = await self.asked()
        head = await sockets.recv_exactly(site, 6 + HEADER_BYTES)
        assert head[:6] == b"PROXY "
        return parse_shape(head[6:] + await sockets.recv_exactly(site, int.from_bytes(head[-2:])))

    async def over(self) -> None:
        assert self.learner.learning is not None
        await self.learner.learning

    async def learn(self, answer: bytes = ANSWER) -> HelloShape:
        """Ask once, and be answered; return what was asked."""
        self.sites.clear()
        self.saw()
        return await self.answered(answer)

    async def answered(self, answer: bytes = ANSWER) -> HelloShape:
        question = await self.question()
        site = self.sites[-1]
        await sockets.send_all(site, answer)
        await self.over()
        site.close()
        return question

    def knows_others(self) -> None:
        """Learn the answers to all known hellos."""
        flight = read_flight(ANSWER)
        for each in KNOWN_HELLOS:
            self.answers.add(HOST, parse_shape(each.record(HOST, bytes)), flight, 1e9)

    def sizes(self, shape: HelloShape = SHAPE) -> list[int]:
        """What is known."""
        learnt = self.answers.learnt(HOST, shape.key)
        return [] if learnt is None else [flight.encrypted_bytes for flight in learnt.flights]


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    asking = Asking()
    yield asking
    await asking.learner.close()
    for site in asking.sites:
        site.close()


@timeless
async def test_each_answer_is_told_of_and_the_first_one_of_a_site_louder(asking: Asking) -> None:
    for _ in range(2):
        await asking.learn()
        asking.now_mono += 8 * HOUR
    size = len(server_hello()) + len(encrypted(36, 837))
    assert [(message.level, message.text) for message in asking.log.messages] == [
        ("info", f"front-learning: {HOST} answered with {size} bytes: the first answer of this site that was learnt"),
        ("debug", f"front-learning: {HOST} answered with {size} bytes, which was learnt"),
    ]


@timeless
async def test_a_site_that_waits_for_its_client_has_answered(asking: Asking) -> None:
    asking.saw()
    assert (await asking.question()).key == SHAPE.key
    site = asking.sites[-1]
    for part in (ANSWER[:10], ANSWER[10:200], ANSWER[200:]):
        await sockets.send_all(site, part)
        await asyncio.sleep(0.3)
    await asking.over()

    assert asking.sizes() == [2 * 5 + 36 + 837]
    assert asking.learnt_of == [HOST]
    assert (await sockets.recv_until_end(site)).data == b"", "we have nothing more to say"
    learnt = asking.answers.learnt(HOST, SHAPE.key)
    assert learnt
    assert learnt.learnt_unix == 1e9


@timeless
async def test_how_long_the_site_took_is_learnt_too(asking: Asking) -> None:
    asking.dial_seconds = 0.02
    asking.saw()
    await asking.question()
    site = asking.sites[-1]
    asking.now_mono += 0.03
    await sockets.send_all(site, ANSWER[:1])
    await asyncio.sleep(0.3)
    asking.now_mono += 5
    await sockets.send_all(site, ANSWER[1:])
    await asking.over()

    (learnt,) = asking.answers.of(HOST)
    (flight,) = learnt.flights
    assert flight.connect_seconds == pytest.approx(0.02)
    assert flight.first_byte_seconds == pytest.approx(0.03), "the rest of the flight doesn't count"


@timeless
async def test_a_few_answers_are_learnt_within_minutes_and_later_one_in_hours(asking: Asking) -> None:
    asking.knows_others()
    for number, pause_seconds in enumerate((600.0, 600.0, 5 * HOUR, 5 * HOUR)):
        assert (await asking.learn()).key == SHAPE.key
        assert asking.learnt_of == [HOST] * (number + 1)
        asking.now_mono += min(59, pause_seconds / 10)
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
async def test_the_first_client_of_a_site_gets_it_asked_with_the_hellos_of_others_too(asking: Asking) -> None:
    await asking.learn()
    asked_mono: list[tuple[bytes, float]] = []
    for _ in range(400):
        asking.now_mono += 6
        asking.saw()
        if asking.learner.learning is not None:
            asked_mono.append(((await asking.answered()).key, asking.now_mono))
        asking.sites.clear()

    known = {parse_shape(each.record(HOST, bytes)).key for each in KNOWN_HELLOS}
    asked = [key for key, _ in asked_mono]
    assert sorted(asked) == sorted([*known, SHAPE.key, SHAPE.key]), (
        "each of them once, and the client's own three times"
    )
    assert all(asking.answers.learnt(HOST, key) for key in known)
    others_mono = [0.0, *(now_mono for key, now_mono in asked_mono if key in known)]
    assert all(later - earlier >= 60 for earlier, later in itertools.pairwise(others_mono))


@timeless
async def test_a_known_hello_whose_answer_is_known_is_not_asked_with(asking: Asking) -> None:
    asking.knows_others()
    for _ in range(3):
        await asking.learn()
        asking.now_mono += 600
    for _ in range(100):
        asking.now_mono += 60
        asking.saw()

    assert asking.learnt_of == [HOST] * 3


@timeless
async def test_what_an_earlier_process_has_learnt_is_not_asked_for_until_it_is_old(asking: Asking) -> None:
    await asking.learn()
    learnt = asking.answers.learnt(HOST, SHAPE.key)
    assert learnt
    again = Asking()
    again.now_mono = 3 * HOUR - 1
    learnt.flights *= 3
    again.answers.restore(HOST, [learnt])
    again.knows_others()

    again.saw()
    assert again.learner.learning is None
    again.now_mono += 2 * HOUR + 1
    again.saw()
    assert again.learner.learning is not None
    await again.learner.close()


BAD_ANSWERS = [
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", True, "less than it announced"),
    (b"\x15\x03\x03\x00\x02\x02\x28", True, "an alert"),
    (server_hello(random=RETRY) + CCS, False, "HelloRetryRequest"),
    (server_hello(b"\xff\x01\x00\x01\x00") + encrypted(9), False, "older version"),
    (server_hello(VERSION + b"\x00\x33\x00\x24\x11\xec\x00\x20" + bytes(32)) + encrypted(9), False, "wasn't offered"),
    (ANSWER[:-1], False, "less than it announced"),
    (b"", True, "nothing"),
    (b"", False, "time-out"),
    (bytes(200_000), False, "more than 65536 bytes"),
]


@timeless
@pytest.mark.parametrize(("answer", "then_end", "why"), BAD_ANSWERS)
async def test_a_site_that_answers_otherwise_is_told_of_and_left_alone(
    asking: Asking, answer: bytes, then_end: bool, why: str
) -> None:
    asking.saw()
    await asking.question()
    site = asking.sites[-1]
    sending = asyncio.create_task(sockets.send_all(site, answer))
    if then_end:
        await sending
        sockets.send_eof(site)
    await asking.over()
    await asyncio.gather(sending, return_exceptions=True)

    assert (asking.sizes(), asking.learnt_of) == ([], [])
    (warning,) = asking.log.warnings
    assert why in str(warning)
    asking.now_mono += 59
    asking.saw()
    assert asking.learner.learning is None
    asking.now_mono += 1200
    asking.saw()
    assert asking.learner.learning is not None


@timeless
async def test_a_site_that_sends_a_byte_now_and_then_without_end_is_left(asking: Asking) -> None:
    asking.saw()
    await asking.question()
    while asking.learner.learning is not None:
        await sockets.send_all(asking.sites[-1], b"\x16")
        await asyncio.sleep(0.4)

    (warning,) = asking.log.warnings
    assert "time-out" in str(warning)


@timeless
@pytest.mark.parametrize("refusal", [OSError("nobody there"), mtglib.UpstreamError("leads back"), TimeoutError()])
async def test_a_site_out_of_reach_is_told_of_once_until_it_answers(asking: Asking, refusal: Exception) -> None:
    for count in (1, 2):
        asking.refusal = refusal
        for _ in range(3):
            asking.saw()
            await asking.over()
            asking.now_mono += 1201
        assert len(asking.log.warnings) == count
        assert (str(refusal) or "time-out") in str(asking.log.warnings[-1])
        asking.refusal = None
        await asking.learn()
        asking.now_mono += 601


@timeless
async def test_another_shape_that_is_answered_is_not_what_was_told_of(asking: Asking) -> None:
    modern = hello_records(build_client_hello(HOST))
    for _ in range(3):
        asking.sites.clear()
        asking.refusal = OSError("not this one")
        asking.saw(record=modern)
        await asking.over()
        asking.refusal = None
        await asking.learn()
        asking.now_mono += 1201

    assert len(asking.log.warnings) == 1


@timeless
async def test_a_site_that_answers_differently_each_time_is_asked_no_more_than_others(asking: Asking) -> None:
    for size in range(500, 560):
        asking.now_mono += 1200
        asking.sites.clear()
        asking.saw()
        if asking.learner.learning is not None:
            await asking.answered(server_hello() + encrypted(size * size % 7919))

    assert len(asking.sizes()) == 3
    assert len(set(asking.sizes())) == 3
    assert len(asking.learnt_of) < 6 * 3 + len(KNOWN_HELLOS), "20 hours: three answers each 4 hours"
    assert asking.log.warnings == []


@timeless
@pytest.mark.parametrize(
    "malformed",
    [
        with_extension(HELLO, 0xFE0D, b"no ECH"),
        hello_records(with_key_shares(build_client_hello(HOST, shape="old"), {0x001D: bytes(31)})),
        hello_records(with_key_shares(build_client_hello(HOST, shape="old"), {0x0017: b"\x04" * 65})),
        hello_records(with_key_shares(build_client_hello(HOST), {0x11EC: bytes(1215), 0x001D: bytes(32)})),
    ],
    ids=["ech", "a short share", "a point of no curve", "a short post-quantum share"],
)
async def test_a_hello_that_can_be_read_but_not_made_anew_teaches_nothing(asking: Asking, malformed: bytes) -> None:
    """Only a holder of the secret can send it."""
    asking.saw(record=malformed)

    assert asking.learner.learning is None
    assert asking.log.warnings == []


@timeless
async def test_after_a_malformed_key_share_a_good_one_of_the_same_shape_teaches(asking: Asking) -> None:
    short = hello_records(with_key_shares(build_client_hello(HOST, shape="old"), {0x001D: bytes(31)}))
    assert parse_shape(short).key == SHAPE.key
    asking.saw(record=short)

    await asking.learn()

    assert asking.sizes()


@timeless
async def test_a_question_ends_with_the_proxy_however_often_it_is_told(asking: Asking) -> None:
    asking.saw()
    await asking.question()
    await asyncio.gather(asking.learner.close(), asking.learner.close())

    assert asking.learner.learning is None
    assert await sockets.recv_until_end(asking.sites[-1]) == sockets.Received(b"", "eof")
    assert asking.log.warnings == []
