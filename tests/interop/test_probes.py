"""Probers find a site, whatever they try: it gets their very bytes, and they get its very answer."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

import pytest

import mtglib
from interop.probing import HOST, stage
from support import sockets
from support.client_hello import RANDOM_AT, Shape, build_client_hello, hello_records, sign_hello
from support.faketls_client import FakeTLSClient
from support.front import answer_then_eof
from support.secrets import PeerSecret, SecretLike

ANSWER = b"\x15\x03\x01\x00\x02\x02\x28" + bytes(range(256)) * 40
"""What the site says: an alert, as a TLS server might, and more than one read's worth behind it."""


def hello(
    secret: SecretLike, *, host: str = HOST, late_seconds: int = 0, shape: Shape = "modern", cuts: tuple[int, ...] = ()
) -> bytes:
    """Return the bytes of a hello that is right unless told otherwise."""
    signed = sign_hello(build_client_hello(host, shape=shape), secret.key, int(time.time()) - late_seconds)
    return hello_records(signed, cuts)


def tampered(secret: SecretLike) -> bytes:
    """Return a right hello with one bit of its last byte turned."""
    right = hello(secret)
    return right[:-1] + bytes([right[-1] ^ 1])


def lying(secret: SecretLike) -> bytes:
    """Return a hello with a right digest whose session id claims to be longer than everything."""
    message = build_client_hello(HOST)
    at = RANDOM_AT + 32
    return hello_records(sign_hello(message[:at] + b"\xff" + message[at + 1 :], secret.key, int(time.time())))


STRANGERS: dict[str, Callable[[SecretLike], bytes]] = {
    "wrong-key": lambda secret: hello(PeerSecret.random()),
    "wrong-key-old": lambda secret: hello(PeerSecret.random(), shape="old"),
    "wrong-key-in-records": lambda secret: hello(PeerSecret.random(), cuts=(1, 5, 600)),
    "wrong-key-and-more": lambda secret: hello(PeerSecret.random()) + os.urandom(100_000),
    "wrong-name": lambda secret: hello(secret, host="other.example"),
    "late": lambda secret: hello(secret, late_seconds=3600),
    "early": lambda secret: hello(secret, late_seconds=-3600),
    "tampered": tampered,
    "lying": lying,
    "too-many-records": lambda secret: hello(secret, cuts=tuple(range(1, 12))),
    "huge-record": lambda secret: b"\x16\x03\x01\xff\xff\x01" + os.urandom(30_000),
    "huge-message": lambda secret: b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + os.urandom(30_000),
    "server-hello": lambda secret: b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76" + os.urandom(118),
    "http": lambda secret: b"GET / HTTP/1.1\r\nHost: front.example\r\n\r\n",
    "http2": lambda secret: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "ssh": lambda secret: b"SSH-2.0-OpenSSH_9.2\r\n",
    "proxy-header": lambda secret: b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12),
    "obfuscated2": lambda secret: b"\x01" + os.urandom(200),
    "garbage": lambda secret: b"\xff" + os.urandom(50_000),
    "zeros": lambda secret: bytes(64),
}


@pytest.mark.parametrize("segment_bytes", [None, 7], ids=["whole", "in-pieces"])
@pytest.mark.parametrize("kind", STRANGERS)
async def test_stranger_reaches_the_site_unchanged(relay: str, kind: str, segment_bytes: int | None) -> None:
    async with stage(relay, answer_then_eof(ANSWER)) as around:
        data = STRANGERS[kind](around.proxy.secret)

        received = await around.probe(data, segment_bytes=segment_bytes, then_eof=True)

        assert received == sockets.Received(ANSWER, "eof")
        assert await around.at_the_site() == sockets.Received(data, "eof")
        assert around.dc.accepted == 0
        assert len(around.proxy.events.of(mtglib.EventDomainFronting)) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"G",
        b"\x17",
        b"\x16\x02",
        b"\x16\x03\x01\x41",
        b"\x16\x03\x01\x40\x01",
        b"\x16\x03\x01\x02\x00\x02",
        b"\x16\x03\x01\x02\x00\x01\x01",
    ],
    ids=["type", "other-type", "version", "length-byte", "length", "handshake-type", "message-length"],
)
async def test_stranger_is_passed_on_as_soon_as_it_is_certain(relay: str, data: bytes) -> None:
    # The prober neither goes on nor hangs up, and the proxy's patience is longer than the test's.
    async with stage(relay, answer_then_eof(ANSWER, after_bytes=len(data)), handshake_timeout=300.0) as around:
        assert await around.probe(data) == sockets.Received(ANSWER, "eof")
        assert (await around.at_the_site()).data == data


@pytest.mark.parametrize("length", [1, 4, 5, 6, 11, 43, 600, -1])
async def test_half_hello_is_passed_on_when_time_is_up(relay: str, length: int) -> None:
    script = answer_then_eof(ANSWER)
    async with stage(relay, script, handshake_timeout=0.05) as around:
        half = hello(around.proxy.secret)[:length]

        assert await around.probe(half) == sockets.Received(ANSWER, "eof")
        assert (await around.at_the_site()).data == half


async def test_silent_prober_gets_to_the_site_when_time_is_up(relay: str) -> None:
    async with stage(relay, answer_then_eof(ANSWER, after_bytes=0), handshake_timeout=0.05) as around:
        assert await around.probe(b"") == sockets.Received(ANSWER, "eof")
        assert (await around.at_the_site()).data == b""


@pytest.mark.parametrize("length", [1, 4, 5, 6, 11, 43, 600, -1])
async def test_half_hello_and_a_fin_are_passed_on_at_once(relay: str, length: int) -> None:
    async with stage(relay, answer_then_eof(ANSWER), handshake_timeout=300.0) as around:
        half = hello(around.proxy.secret)[:length]

        assert await around.probe(half, then_eof=True) == sockets.Received(ANSWER, "eof")
        assert await around.at_the_site() == sockets.Received(half, "eof")


async def test_fin_without_a_byte_is_just_closed(relay: str) -> None:
    async with stage(relay, answer_then_eof(ANSWER)) as around:
        assert await around.probe(b"", then_eof=True) == sockets.Received(b"", "eof")

        await around.proxy.events.seen(mtglib.EventFinish)
        assert around.site.connections == []
        assert around.proxy.events.of(mtglib.EventDomainFronting) == []


@pytest.mark.parametrize("cuts", [(), (1, 5, 600)], ids=["as-it-was", "in-other-records"])
async def test_replayed_hello_reaches_the_site_unchanged(relay: str, cuts: tuple[int, ...]) -> None:
    async with stage(relay, answer_then_eof(ANSWER)) as around:
        async with await FakeTLSClient.connect(around.proxy.host, around.proxy.port, around.proxy.secret) as client:
            await client.send(b"honest")
            assert await client.recv_exactly(6) == b"honest"
        replay = hello_records(client.hello, cuts) + b"\x14\x03\x03\x00\x01\x01" + os.urandom(300)

        assert await around.probe(replay, then_eof=True) == sockets.Received(ANSWER, "eof")
        assert await around.at_the_site() == sockets.Received(replay, "eof")
        assert len(around.proxy.events.of(mtglib.EventReplayAttack)) == 1


async def test_replays_at_the_same_moment_let_one_through(relay: str) -> None:
    async with stage(relay, answer_then_eof(ANSWER)) as around:
        wire = hello(around.proxy.secret)

        received = await asyncio.gather(*(around.probe(wire, then_eof=True) for _ in range(5)))

        assert sum(one.data.startswith(b"\x16\x03\x03") for one in received) == 1
        assert sum(one.data == ANSWER for one in received) == 4
