"""Urgent bytes through the proxy: a visitor's reach the site at their places, whatever the proxy is doing by then; a
client's aren't in its stream.
"""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from support import sockets
from support.client_hello import build_client_hello, hello_records, sign_hello
from support.fake_dc import FakeDC, echo
from support.faketls_client import FakeTLSClient
from support.running_proxy import RunningProxy
from support.tcp_server import TCPServer
from support.urgent import UrgentReader, send_urgent

NAME = "front.example"
HELLO = hello_records(sign_hello(build_client_hello(NAME), bytes(16), 1_700_000_000))
HTTP = b"GET / HTTP/1.0\r\n\r\n"
AT_ONCE, SOON, LATE = 0.0, 0.02, 0.2  # before the first read; before the site is dialled; when it has the first bytes

SCRIPTS: dict[str, list[bytes | str]] = {
    "alone": ["!"],
    "before a request": ["!", HTTP],
    "before a hello": ["!", HELLO],
    "in a hello": [HELLO[:200], "!", HELLO[200:]],
    "behind half a hello": [HELLO[:200], "!"],
    "with half a hello": [HELLO[:200].decode("latin-1") + "!"],
    "behind a hello": [HELLO, "!"],
    "with a request": [HTTP.decode() + "!"],
    "behind a request": [HTTP, "!", b"more"],
}
"""Bytes, and strings, the last byte of which is urgent."""


class Site(TCPServer):
    """Reads, and closes behind the visitor's end."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: asyncio.Queue[tuple[bytes, list[int]]] = asyncio.Queue()

    async def serve_socket(self, sock: socket.socket) -> None:
        """See the base."""
        reader = UrgentReader(sock)
        await reader.read(1 << 20)
        self.seen.put_nowait((reader.got, reader.urgent_at))


@pytest.mark.parametrize("pause_seconds", [AT_ONCE, SOON, LATE])
@pytest.mark.parametrize("name", SCRIPTS)
async def test_the_site_gets_urgent_bytes_at_their_places(relay: str, name: str, pause_seconds: float) -> None:
    async with Site() as site, RunningProxy(front_port=site.port, host=NAME, relay=relay) as proxy:
        sock = await sockets.connect("127.0.0.1", proxy.port)
        sent, places = b"", []
        for part in SCRIPTS[name]:
            data = part if isinstance(part, bytes) else part.encode("latin-1")
            if isinstance(part, str):
                send_urgent(sock, data)
                places.append(len(sent + data) - 1)
            else:
                await sockets.send_all(sock, data)
            sent += data
            await asyncio.sleep(pause_seconds)
        sockets.send_eof(sock)

        assert await site.seen.get() == (sent, places)
        assert await sockets.recv_until_end(sock) == sockets.Received(b"", "eof")
        sockets.close(sock)


async def test_a_clients_urgent_bytes_arent_in_its_stream(relay: str) -> None:
    async with Site() as site, FakeDC(echo) as dc:
        proxy = RunningProxy(front_port=site.port, host=NAME, dcs={2: dc.address}, relay=relay)
        async with proxy, await FakeTLSClient.connect(proxy.host, proxy.port, proxy.secret) as client:
            for word in (b"before", b"between", b"behind"):
                wire = client.wrap(word)
                await client.send_raw(wire[:7])
                send_urgent(client.sock, b"!")
                await client.send_raw(wire[7:])
                assert await client.recv_exactly(len(word)) == word
        assert site.seen.empty()


@pytest.mark.parametrize("cut_at", [0, 1, 200])
@pytest.mark.parametrize("pause_seconds", [AT_ONCE, SOON / 2])
async def test_a_clients_hello_doesnt_have_an_urgent_byte(relay: str, cut_at: int, pause_seconds: float) -> None:
    async with Site() as site, FakeDC(echo) as dc:
        proxy = RunningProxy(front_port=site.port, host=NAME, dcs={2: dc.address}, relay=relay)
        async with proxy:
            sock = await sockets.connect(proxy.host, proxy.port)
            client = FakeTLSClient(sock, proxy.secret)
            client.hello = sign_hello(build_client_hello(NAME), proxy.secret.key, int(time.time()))
            wire = hello_records(client.hello)
            for part in (wire[:cut_at], b"", wire[cut_at:]):
                if part:
                    await client.send_raw(part)
                else:
                    send_urgent(sock, b"!")
                await asyncio.sleep(pause_seconds)
            await client.receive_answer()
            await client.send_frame()
            await client.send(b"hello")
            assert await client.recv_exactly(5) == b"hello"
            sockets.close(sock)
        assert site.seen.empty()


async def test_an_urgent_byte_behind_a_clients_hello_isnt_in_its_stream_either(relay: str) -> None:
    async with Site() as site, FakeDC(echo) as dc:
        proxy = RunningProxy(front_port=site.port, host=NAME, dcs={2: dc.address}, relay=relay)
        async with proxy:
            sock = await sockets.connect(proxy.host, proxy.port)
            client = FakeTLSClient(sock, proxy.secret)
            await client.send_hello()
            send_urgent(sock, b"!")
            await client.receive_answer()
            send_urgent(sock, b"!")
            await client.send_frame()
            await client.send(b"hello")
            assert await client.recv_exactly(5) == b"hello"
            sockets.close(sock)
        assert site.seen.empty()
