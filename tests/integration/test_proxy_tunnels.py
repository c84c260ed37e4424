"""Networks that hand out connections through tunnels: `socket_from_streams` over plain and TLS streams."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

import mtglib
from integration.event_rules import traffic
from integration.stage import Stage, stage
from mtglib.network import Direct
from support import sockets
from support.front import answer, nginx_is_missing, reset_after
from support.nginx_site import make_certificate
from support.pattern import Pattern
from support.slow_peers import answer_after_eof
from support.slow_peers import reset_after as dc_reset_after
from support.tcp_server import TCPServer

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

PAYLOAD = Pattern(1).take(3_000_000)


class Tunnel(Direct):
    """Everything through asyncio streams."""

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        async with asyncio.timeout(timeout_seconds):
            return mtglib.socket_from_streams(*await asyncio.open_connection(host, port))


class TLSTunnel(Tunnel):
    """Everything through a TLS server that passes it on."""

    def __init__(self, server: TLSServer, context: ssl.SSLContext) -> None:
        self._server = server
        self._context = context

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        async with asyncio.timeout(timeout_seconds):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self._server.port, ssl=self._context, server_hostname="tunnel.example"
            )
        writer.write(f"{host} {port}\n".encode())
        return mtglib.socket_from_streams(reader, writer)


class TLSServer(TCPServer):
    """Reads "host port" from a TLS stream, and relays to there."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__()
        self._context = context

    async def serve_socket(self, sock: socket.socket) -> None:
        """Relay until both sides have ended, as far as TLS has such an end."""
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock, ssl=self._context)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        host, port = (await reader.readline()).split()
        up_reader, up_writer = await asyncio.open_connection(host.decode(), int(port))
        try:
            await asyncio.gather(_copy(reader, up_writer), _copy(up_reader, writer))
        finally:
            for each in (writer, up_writer):
                each.close()
            await asyncio.gather(writer.wait_closed(), up_writer.wait_closed(), return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()


async def check_echo(around: Stage) -> None:
    client = await around.client()
    sending = asyncio.create_task(client.send(PAYLOAD))
    assert await client.recv_exactly(len(PAYLOAD)) == PAYLOAD
    await sending
    await around.proxy.shutdown()
    assert traffic(around.events.events) == (len(PAYLOAD), len(PAYLOAD))


async def test_stream_through_a_plain_tunnel(relay: str) -> None:
    async with stage(relay, network=Tunnel()) as around:
        await check_echo(around)


async def test_stream_through_a_tls_tunnel(relay: str, tmp_path: Path) -> None:
    if reason := nginx_is_missing():  # it needs the same openssl
        pytest.skip(reason)
    make_certificate("tunnel.example", tmp_path)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    client_side = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    async with TLSServer(server_side) as server, stage(relay, network=TLSTunnel(server, client_side)) as around:
        await check_echo(around)


async def test_half_close_goes_through_a_tunnel(relay: str) -> None:
    handler = answer_after_eof(lambda connection: connection.digest)
    async with stage(relay, network=Tunnel(), handler=handler) as around:
        client = await around.client(first_payload=PAYLOAD)
        client.send_eof()

        received = await client.recv_until_end()

        assert received == sockets.Received((await around.dc.connection()).digest, "eof")


async def test_upstream_that_vanishes_behind_a_tunnel_ends_the_client(relay: str) -> None:
    async with stage(relay, network=Tunnel(), handler=dc_reset_after(5)) as around:
        client = await around.client(first_payload=b"hello")

        assert await client.recv_until_end() == sockets.Received(b"", "eof")
        client.close()
        await around.finished()


async def test_fronting_goes_through_a_tunnel(relay: str) -> None:
    async with stage(relay, front_network=Tunnel(), script=answer(b"a site's answer")) as around:
        prober = await around.stranger(b"GET /")
        assert await sockets.recv_exactly(prober, 15) == b"a site's answer"
        sockets.send_eof(prober)

        assert await sockets.recv_until_end(prober) == sockets.Received(b"", "eof")
        assert await around.front.connections[0].ended() == sockets.Received(b"GET /", "eof")


async def test_site_that_resets_behind_a_tunnel_ends_the_prober(relay: str) -> None:
    async with stage(relay, front_network=Tunnel(), script=reset_after(5)) as around:
        assert (await around.probe(b"GET /")).data == b""
