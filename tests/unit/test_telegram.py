"""What follows when a client is admitted: our answer, its frame out of records, and the job of its relay."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib import ClientError, Reason
from mtglib.admission import Admitted
from mtglib.answers import ChosenAnswer
from mtglib.conn import Conn
from mtglib.keyshare import KeyShares
from mtglib.readiness import Readiness
from mtglib.relay.job import DRS, Job, Shape
from mtglib.telegram import make_answer, read_frame, send_answer, telegram_job
from mtglib.users import DEFAULT_USER, User
from mtglib.users.account import Account
from mtglib.wire import client_hello
from mtglib.wire.aes_ctr import CipherState
from mtglib.wire.handshake import NamedGroup
from mtglib.wire.obfuscated2 import parse_client_frame
from mtglib.wire.server_hello import AnswerShape
from support import obfuscated2, sockets
from support.client_hello import build_client_hello, hello_records, sign_hello
from support.obfuscated2 import FRAME_BYTES, INTERMEDIATE, make_frame
from support.server_answer import is_x25519_public_key, verify_answer
from support.timeless import TimelessLoop, timeless
from support.tls_records import CHANGE_CIPHER_SPEC, RecordReader, cut_records, make_record
from unit.surroundings import SECRET, nonblocking_pair, options

HELLO = sign_hello(build_client_hello(SECRET.host), SECRET.key, 1_700_000_000)
RECORD = hello_records(HELLO)
CLIENT = Admitted(Account(User(DEFAULT_USER, SECRET)), SECRET, client_hello.parse(RECORD), RECORD)
ANSWER = ChosenAnswer(AnswerShape(0x1301, (0x2B, 0x33), NamedGroup.X25519), 3000)
ALERT = make_record(0x15, b"\x01\x00")
EMPTY = make_record(0x17, b"")


@dataclass
class Ends:
    """The proxy's end, with its socket, and the client's."""

    conn: Conn
    own: socket.socket
    peer: socket.socket


@asynccontextmanager
async def connection(unread: bytes = b"") -> AsyncIterator[Ends]:
    """A client's connection, of which this much was read before."""
    readiness = Readiness()
    own, peer = nonblocking_pair()
    conn = Conn(own, readiness, unread)
    try:
        yield Ends(conn, own, peer)
    finally:
        conn.close()
        sockets.close(peer)
        readiness.close()


def soon() -> float:
    return asyncio.get_running_loop().time() + 60


async def refused(ends: Ends) -> str:
    """Read a frame; why there is none."""
    with pytest.raises(ClientError) as raised:
        await read_frame(ends.conn, CLIENT, soon())
    return raised.value.reason


@timeless
async def test_the_answer_is_what_a_client_accepts_and_no_two_are_alike() -> None:
    answers = []
    async with connection() as ends:
        shares = KeyShares()
        for _ in range(40):
            await send_answer(ends.conn, make_answer(CLIENT, ANSWER, shares), soon())
            received = await asyncio.get_running_loop().sock_recv(ends.peer, 1 << 16)
            answers.append(verify_answer(received, HELLO, SECRET.key))

    assert all(is_x25519_public_key(answer.public_key) for answer in answers)
    assert len({answer.public_key for answer in answers}) == 40
    assert len({answer.raw[-answer.certificate_bytes :][:1000] for answer in answers}) == 40
    assert {answer.certificate_bytes for answer in answers} == {3000}


def test_who_has_no_usable_share_of_the_sites_group_gets_x25519() -> None:
    """The modern hello of the tests has random bytes in place of an ML-KEM key, of which one in a thousand is one."""
    asked = ANSWER._replace(shape=ANSWER.shape._replace(group=NamedGroup.SECP256R1))

    assert verify_answer(make_answer(CLIENT, asked, KeyShares()), HELLO, SECRET.key).group == NamedGroup.X25519


@timeless
async def test_a_client_that_does_not_take_the_answer_is_given_up() -> None:
    async with connection() as ends:
        began_mono = asyncio.get_running_loop().time()
        with suppress(BlockingIOError):
            while True:
                ends.own.send(bytes(1 << 16))
        with pytest.raises(ClientError) as raised:
            await send_answer(ends.conn, b"answer", soon())

        assert raised.value.reason is Reason.TIMEOUT
        assert asyncio.get_running_loop().time() == pytest.approx(began_mono + 60)


@given(
    dc=st.integers(-(2**15), 2**15 - 1),
    behind=st.binary(max_size=200),
    sizes=st.lists(st.integers(0, 90), min_size=1, max_size=4).filter(any),
    cuts=st.lists(st.integers(0, 500), max_size=4),
    read_before=st.integers(0, 300),
    change_cipher_specs=st.sampled_from((0, 1, 32)),
)
def test_a_frame_is_found_in_any_records_and_what_is_behind_it_goes_on_in_records(
    dc: int, behind: bytes, sizes: list[int], cuts: list[int], read_before: int, change_cipher_specs: int
) -> None:
    frame = make_frame(SECRET.key, dc)
    wire = CHANGE_CIPHER_SPEC * change_cipher_specs + cut_records(frame.wire + behind, sizes)
    bounds = sorted({0, len(wire), *(cut for cut in [read_before, *cuts] if cut < len(wire))})
    pieces = [wire[start:end] for start, end in itertools.pairwise(bounds)]

    async def read() -> None:
        async with connection(pieces[0] if read_before else b"") as ends:
            reading = asyncio.create_task(read_frame(ends.conn, CLIENT, soon()))
            for piece in pieces[1 if read_before else 0 :]:
                ends.peer.send(piece)
                await asyncio.sleep(0.001)
            found, unread = await reading
            ends.conn.receive_arrived(1 << 16)
            records = RecordReader().feed(unread + ends.conn.take_all())

        assert found.dc == dc
        assert b"".join(record.payload for record in records) == behind
        assert {record.kind for record in records} <= {0x17}
        up = found.ciphers.from_initiator
        assert (up.key, up.iv) == (frame.up_key_iv.key, frame.up_key_iv.iv)

    with asyncio.Runner(loop_factory=TimelessLoop) as runner:
        runner.run(read())


def test_in_half_a_record_behind_the_frame_the_relay_goes_on() -> None:
    frame = make_frame(SECRET.key, 2)
    wire = cut_records(frame.wire + b"0123456789")

    async def read(length: int) -> bytes:
        async with connection(wire[:length]) as ends:
            return (await read_frame(ends.conn, CLIENT, soon()))[1]

    for length in range(len(wire) - 10, len(wire) + 1):
        unread = asyncio.run(read(length))
        records = RecordReader().feed(unread + wire[length:])
        assert b"".join(record.payload for record in records) == b"0123456789", length


@pytest.mark.parametrize("behind", [b"GET / HTTP/1.1", ALERT, b"\x17\x03\x04\x00\x01x"])
@timeless
async def test_what_is_wrong_behind_the_frame_is_for_the_relay_to_find(behind: bytes) -> None:
    async with connection(cut_records(make_frame(SECRET.key, 2).wire + b"good") + behind) as ends:
        frame, unread = await read_frame(ends.conn, CLIENT, soon())

    assert frame.dc == 2
    assert unread == cut_records(b"good") + behind[:5]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (ALERT, Reason.CLOSED),
        (CHANGE_CIPHER_SPEC * 32 + ALERT, Reason.CLOSED),
        (cut_records(bytes(63)) + ALERT, Reason.FRAME),
        (EMPTY + CHANGE_CIPHER_SPEC, Reason.FRAME),
        (CHANGE_CIPHER_SPEC * 33, Reason.FRAME),
        (make_record(0x14, b"\x01\x01"), Reason.FRAME),
        (make_record(0x14, b"\x02"), Reason.FRAME),
        (make_record(0x14, b""), Reason.FRAME),
        (b"\x14\x03\x03\x41\x01", Reason.FRAME),
        (make_record(0x14, b"\x01", b"\x03\x01"), Reason.FRAME),
        (b"GET / HTTP/1.1\r\n", Reason.FRAME),
        (b"\x17\x03\x03\xff\xff", Reason.FRAME),
        (make_record(0x16, bytes(64)), Reason.FRAME),
        (cut_records(make_frame(SECRET.key, 2, INTERMEDIATE).wire), Reason.FRAME),
        (cut_records(make_frame(bytes(16), 2).wire), Reason.FRAME),
        (EMPTY * (64 * 1024 // len(EMPTY) + 1), Reason.FRAME),
    ],
    ids=[
        *("alert", "alert after ChangeCipherSpecs", "alert in its middle", "ChangeCipherSpec after data"),
        *("33 ChangeCipherSpecs", "long ChangeCipherSpec", "ChangeCipherSpec of 2", "empty ChangeCipherSpec"),
        *("announced ChangeCipherSpec", "ChangeCipherSpec of TLS 1.0"),
        *("no record", "too long", "handshake", "transport", "secret", "empty records"),
    ],
)
@timeless
async def test_what_is_no_frame_is_refused_for_a_reason(sent: bytes, reason: Reason) -> None:
    async with connection() as ends:
        sending = asyncio.create_task(sockets.send_all(ends.peer, sent))

        assert await refused(ends) == reason
        sending.cancel()


@timeless
async def test_a_client_may_send_records_without_anything_in_them_up_to_a_bound() -> None:
    async with connection(EMPTY * (60 * 1024 // len(EMPTY))) as ends:
        ends.peer.send(cut_records(make_frame(SECRET.key, 2).wire))
        assert (await read_frame(ends.conn, CLIENT, soon()))[0].dc == 2


@pytest.mark.parametrize("sent", [b"", cut_records(bytes(63))])
@timeless
async def test_a_client_that_leaves_and_one_that_says_no_more_are_told_apart(sent: bytes) -> None:
    async with connection() as ends:
        ends.peer.send(sent)
        began_mono = asyncio.get_running_loop().time()
        assert await refused(ends) == Reason.TIMEOUT
        assert asyncio.get_running_loop().time() == pytest.approx(began_mono + 60)

        sockets.send_eof(ends.peer)
        assert await refused(ends) == Reason.CLOSED


def job_of(
    fast: bool, unread: bytes = b"unread", dc: int = -4, shape: Shape | None = None
) -> tuple[Job, obfuscated2.SentFrame]:
    """What is relayed for a client, and its frame."""

    async def make() -> Job:
        async with connection(b"taken already") as ends:
            upstream, other = nonblocking_pair()
            other.close()
            frame = parse_client_frame(sent.wire, SECRET.key)
            opts = options(fast_mode=fast, idle_timeout=77.0)
            job = telegram_job(opts, ends.conn, upstream, frame, unread, dc, shape)
            ends.conn.close()
            assert job.client.fileno() >= 0, "it is the relay's"
            job.client.close()
            job.upstream.close()
            return job

    sent = make_frame(SECRET.key, dc)
    return asyncio.run(make()), sent


def stream(state: CipherState | None, data: bytes) -> bytes:
    assert state is not None
    return state.start().update(data)


@pytest.mark.parametrize("fast", [True, False])
def test_a_jobs_ciphers_lead_from_the_client_to_the_dc_and_back(fast: bool) -> None:
    job, client = job_of(fast)
    dc = obfuscated2.read_frame(job.preamble)
    assert job.ciphers is not None

    clear = stream(job.ciphers.client_decrypt, client.up.apply(b"question"))
    assert clear == b"question"
    assert dc.up.apply(stream(job.ciphers.dc_encrypt, clear)) == b"question"
    encrypted = dc.down.apply(b"the answer")
    if fast:
        assert (job.ciphers.dc_decrypt, job.ciphers.client_encrypt) == (None, None)
    else:
        encrypted = stream(job.ciphers.client_encrypt, stream(job.ciphers.dc_decrypt, encrypted))
    assert client.down.apply(encrypted) == b"the answer"


def test_a_job_says_what_the_options_and_the_client_say() -> None:
    job, _ = job_of(True, b"behind the frame", -203)
    dc = obfuscated2.read_frame(job.preamble)

    assert (dc.dc, dc.tag, len(job.preamble)) == (-203, b"\xdd" * 4, FRAME_BYTES)
    assert (job.client_unread, job.idle_timeout, job.half_closed_timeout) == (b"behind the frame", 77.0, None)
    assert job.delivery_timeout == 30.0


@pytest.mark.parametrize("shape", [None, DRS])
def test_a_job_has_the_shape_that_it_is_given(shape: Shape | None) -> None:
    assert job_of(True, shape=shape)[0].shape is shape


def test_no_two_frames_to_a_dc_are_alike_unless_the_client_chose_their_keys() -> None:
    starts = {job_of(fast)[0].preamble[:8] for fast in (True, False) for _ in range(20)}

    assert len(starts) == 40


def test_a_frame_to_a_dc_never_looks_like_another_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    usable = bytes(range(1, 65))
    noise = iter([b"\xef" + usable[1:], b"GET " + usable[4:], usable[:4] + bytes(4) + usable[8:], usable])
    monkeypatch.setattr(os, "urandom", lambda _count: next(noise))

    assert job_of(True)[0].preamble[:8] == usable[:8]
