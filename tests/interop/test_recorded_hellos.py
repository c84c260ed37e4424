"""Hellos of Telegram's clients are answered as each client needs it."""

from __future__ import annotations

import pytest

import mtglib
from mtglib.wire.hello_shape import parse_shape
from support import sockets
from support.fake_dc import FakeDC
from support.faketls_client import FakeTLSClient
from support.front import RecordingFront
from support.recorded_hellos import RECORDED_HELLOS, RECORDED_SECRET_HEX, RECORDED_UNIX
from support.running_proxy import RunningProxy

TELETHONS_SERVER_HELLO_BYTES = 122
"""The only length that Telethon's extension reads."""


@pytest.mark.parametrize("client", RECORDED_HELLOS)
async def test_a_client_is_answered_and_gets_through(client: str, relay: str) -> None:
    record = RECORDED_HELLOS[client]
    secret = mtglib.Secret.parse(RECORDED_SECRET_HEX)
    async with (
        FakeDC() as dc,
        RecordingFront() as site,
        RunningProxy(
            front_port=site.port, secret=secret, relay=relay, dcs={2: dc.address}, clock=lambda: float(RECORDED_UNIX)
        ) as proxy,
        FakeTLSClient(await sockets.connect(proxy.host, proxy.port), secret, hello=record[5:]) as peer,
    ):
        await peer.send_raw(record)
        answer = await peer.receive_answer()
        await peer.send_frame()
        await peer.send(b"hello")
        assert await peer.recv_exactly(5) == b"hello"

    offered = parse_shape(record)
    assert answer.group == next(iter(offered.key_shares)), "its favourite"
    assert answer.suite == b"\x13\x01", "all of them prefer AES"
    if client == "telethon":
        assert int.from_bytes(answer.raw[3:5]) == TELETHONS_SERVER_HELLO_BYTES
    assert not site.connections
