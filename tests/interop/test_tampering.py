"""Somebody on the way adds records to a client's connection: it ends as a visitor's connection to nginx ends.

The visitor's Finished message and the client's frame are the first application data. What ends the connection comes
instead of it, or behind it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from integration.stage import stage
from support import sockets
from support.nginx_site import NginxSite, nginx_is_missing
from support.tls_records import CHANGE_CIPHER_SPEC, RecordReader, cut_records, make_record

pytestmark = pytest.mark.skipif(nginx_is_missing() is not None, reason=str(nginx_is_missing()))

INJECTED = {
    "33 ChangeCipherSpecs": CHANGE_CIPHER_SPEC * 33,
    "a long ChangeCipherSpec": make_record(0x14, b"\x01\x01"),
    "an empty ChangeCipherSpec": make_record(0x14, b""),
    "a ChangeCipherSpec of 2": make_record(0x14, b"\x02"),
    "a ChangeCipherSpec of TLS 1.0": make_record(0x14, b"\x01", b"\x03\x01"),
    "an alert": make_record(0x15, b"\x02\x28"),
    "the header of a handshake record": make_record(0x16, bytes(40))[:5],
    "data of TLS 1.0": make_record(0x17, bytes(100), b"\x03\x01"),
    "the header of a record that is too long": b"\x17\x03\x03\x41\x01",
    "no TLS": b"GET / HTTP/1.1\r\n\r\n",
    "data that isn't authentic": make_record(0x17, bytes(100)),
}
BEHIND_DATA = {
    "the header of a ChangeCipherSpec": CHANGE_CIPHER_SPEC[:5],
    **{name: INJECTED[name] for name in ("an alert", "the header of a record that is too long", "no TLS")},
}


class Visitor:
    """A TLS 1.3 client of the site, between two messages.

    Attributes:
        sock: Connected, and its hello is answered.
        finished: The record that it would send next.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.finished = b""

    async def shake_hands(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await sockets.send_all(self.sock, outgoing.read())
                incoming.write(await asyncio.get_running_loop().sock_recv(self.sock, 1 << 16))
        self.finished = outgoing.read().removeprefix(CHANGE_CIPHER_SPEC)


@asynccontextmanager
async def visitor(site: NginxSite) -> AsyncIterator[Visitor]:
    sock = await sockets.connect("127.0.0.1", site.port)
    try:
        ends = Visitor(sock)
        await ends.shake_hands()
        yield ends
    finally:
        sockets.close(sock)


async def ending(sock: socket.socket) -> tuple[list[tuple[int, int]], str]:
    """The type and length of the last record, if any came, and how the connection ended."""
    received = await sockets.recv_until_end(sock)
    records = RecordReader().feed(received.data)
    return [(record.kind, len(record.payload)) for record in records][-1:], received.ending


async def test_it_ends_as_at_the_site(relay: str) -> None:
    async with NginxSite() as site, stage(relay) as around:
        for is_behind, injected in ((False, INJECTED), (True, BEHIND_DATA)):
            for name, wire in injected.items():
                async with visitor(site) as there:
                    await sockets.send_all(there.sock, CHANGE_CIPHER_SPEC + there.finished * is_behind + wire)
                    wanted = await ending(there.sock)
                async with await around.client_before_hello() as client:
                    await client.send_hello()
                    await client.receive_answer()
                    await client.send_raw(CHANGE_CIPHER_SPEC + cut_records(client.make_frame().wire) * is_behind + wire)

                    assert await ending(client.sock) == wanted, f"{name} {'behind' if is_behind else 'instead of'} it"


async def test_as_many_change_cipher_specs_are_skipped(relay: str) -> None:
    async with NginxSite() as site, stage(relay) as around:
        async with visitor(site) as there:
            await sockets.send_all(there.sock, CHANGE_CIPHER_SPEC * 32 + there.finished)
            assert await asyncio.get_running_loop().sock_recv(there.sock, 1), "session tickets"
        async with await around.client_before_hello() as client:
            await client.send_hello()
            await client.receive_answer()
            await client.send_raw(CHANGE_CIPHER_SPEC * 31)
            await client.send_frame()
            await client.send(b"request")

            assert await client.recv_exactly(7) == b"request"
