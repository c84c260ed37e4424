"""How the fronting site is reached, and what happens when it isn't."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest

import mtglib
from integration.event_rules import names
from integration.recording_logger import RecordingLogger
from integration.routed_network import RoutedNetwork
from integration.stage import HOST, stage, tcp_pair
from mtglib.conn import Conn
from mtglib.front.dial import SiteConnection
from mtglib.front.pieces import send_pieces
from mtglib.network import Direct
from mtglib.readiness import Readiness
from support import sockets
from support.eventually import eventually
from support.front import FrontConnection, RecordingFront, answer_then_eof, listen_only

GARBAGE = b"GET / HTTP/1.1\r\n\r\n"
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


async def test_site_is_dialled_by_the_secrets_host_through_its_own_network(relay: str) -> None:
    front_network, network = RoutedNetwork(), RoutedNetwork()
    changes: dict[str, Any] = {"front_network": front_network, "network": network, "domain_fronting_ip": None}
    async with stage(relay, **changes) as around:
        front_network.routes = {(HOST, around.site.port): ("127.0.0.1", around.site.port)}
        network.routes = {("127.0.0.1", around.dc.port): ("127.0.0.1", around.dc.port)}
        await around.client()
        await around.stranger(GARBAGE)
        assert await (await around.front.connection()).got(len(GARBAGE)) == GARBAGE
        await around.dc.connection()

        assert front_network.addresses == [(HOST, around.site.port)]
        assert network.addresses == [("127.0.0.1", around.dc.port)]
        assert around.proxy.domain_fronting_address == (HOST, around.site.port)


async def test_site_is_dialled_through_the_network_if_it_has_none_of_its_own(relay: str) -> None:
    network = RoutedNetwork()
    async with stage(relay, network=network, domain_fronting_ip=None) as around:
        network.routes = {(HOST, around.site.port): ("127.0.0.1", around.site.port)}
        await around.stranger(GARBAGE)

        assert await (await around.front.connection()).got(len(GARBAGE)) == GARBAGE


async def test_configured_ip_and_port_stand_for_the_host(relay: str) -> None:
    network = RoutedNetwork()
    async with stage(relay, network=network, domain_fronting_ip="192.0.2.7", domain_fronting_port=8443) as around:
        network.routes = {("192.0.2.7", 8443): ("127.0.0.1", around.site.port)}
        await around.stranger(GARBAGE)
        assert await (await around.front.connection()).got(len(GARBAGE)) == GARBAGE

        assert around.proxy.domain_fronting_address == ("192.0.2.7", 8443)
        assert [call.timeout_seconds for call in network.dialled] == [2 * mtglib.DEFAULT_DIAL_TIMEOUT]


async def test_another_host_is_dialled_by_name_while_clients_ask_for_the_secrets(relay: str) -> None:
    front_network = RoutedNetwork()
    changes: dict[str, Any] = {"domain_fronting_ip": None, "domain_fronting_host": "other.example"}
    async with stage(relay, front_network=front_network, **changes) as around:
        front_network.routes = {("other.example", around.site.port): ("127.0.0.1", around.site.port)}
        await around.client()
        await around.stranger(GARBAGE)
        assert await (await around.front.connection()).got(len(GARBAGE)) == GARBAGE

        assert front_network.addresses == [("other.example", around.site.port)]
        assert around.proxy.domain_fronting_address == ("other.example", around.site.port)


@pytest.mark.parametrize("failure", [ConnectionRefusedError("no"), TimeoutError(), socket.gaierror(-2, "no name")])
async def test_site_that_cannot_be_reached_is_a_reset_and_one_warning_a_minute(relay: str, failure: Exception) -> None:
    network = RoutedNetwork()
    async with stage(relay, front_network=network, warnings=True) as around:
        network.routes = {("127.0.0.1", around.site.port): failure}
        for _ in range(3):
            assert await around.probe(GARBAGE) == sockets.Received(b"", "reset")

        (warning,) = around.log.warnings
        assert "fronting" in warning
        assert names(await around.finished(3)) == 3 * ["Start", "DomainFronting", "Finish"]


async def test_site_that_hangs_is_a_reset(relay: str) -> None:
    network = RoutedNetwork()
    async with stage(relay, front_network=network, dial_timeout=0.05, warnings=True) as around:
        network.routes = {("127.0.0.1", around.site.port): None}

        assert await around.probe(GARBAGE) == sockets.Received(b"", "reset")


@pytest.mark.parametrize(
    ("bound", "front"),
    [
        (("127.0.0.1", socket.AF_INET), "127.0.0.1"),
        (("0.0.0.0", socket.AF_INET), "127.0.0.1"),
        (("0.0.0.0", socket.AF_INET), "127.0.0.77"),
        (("::1", socket.AF_INET6), "::1"),
        (("::", socket.AF_INET6), "::1"),
        (("::", socket.AF_INET6), "127.0.0.1"),
        (("::", socket.AF_INET6), "::ffff:127.0.0.1"),
    ],
    ids=str,
)
async def test_front_that_is_the_proxy_itself_is_refused(
    relay: str, bound: tuple[str, socket.AddressFamily], front: str
) -> None:
    address, family = bound
    listener = socket.create_server((address, 0), family=family, dualstack_ipv6=address == "::", backlog=64)
    port = listener.getsockname()[1]
    async with stage(
        relay, listener=listener, domain_fronting_ip=front, domain_fronting_port=port, warnings=True
    ) as around:
        sock = await sockets.connect("127.0.0.1" if family == socket.AF_INET else "::1", port)
        await sockets.send_all(sock, GARBAGE)

        assert await sockets.recv_until_end(sock) == sockets.Received(b"", "reset")
        sockets.close(sock)
        (warning,) = around.log.warnings
        assert "domain-fronting" in warning
        # The probe, and the proxy's own connection to itself, which sends nothing.
        await around.finished(2)
        assert len(around.events.of(mtglib.EventDomainFronting)) == 1
        assert len(around.events.of(mtglib.EventStart)) == 2


async def test_front_that_is_the_proxy_itself_is_refused_also_when_the_listener_was_closed(relay: str) -> None:
    listener = socket.create_server(("0.0.0.0", 0), backlog=64)
    port = listener.getsockname()[1]
    changes: dict[str, Any] = {"domain_fronting_ip": "127.0.0.77", "domain_fronting_port": port, "warnings": True}
    async with stage(relay, listener=listener, **changes) as around:
        listener.close()
        sock = await sockets.connect("127.0.0.1", port)
        await sockets.send_all(sock, GARBAGE)

        assert await sockets.recv_until_end(sock) == sockets.Received(b"", "reset")
        sockets.close(sock)
        await around.finished(2)
        assert len(around.events.of(mtglib.EventDomainFronting)) == 1


async def test_front_that_leads_to_whoever_accepts_for_the_proxy_is_refused(relay: str) -> None:
    listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    listener.setblocking(False)
    port = listener.getsockname()[1]
    changes: dict[str, Any] = {"domain_fronting_ip": "127.0.0.1", "domain_fronting_port": port, "warnings": True}
    async with stage(relay, **changes) as around:
        serving = []
        sock = await sockets.connect("127.0.0.1", port)
        await sockets.send_all(sock, GARBAGE)
        for _ in range(2):  # the probe, and the proxy's own connection, which sends nothing
            accepted, _ = await asyncio.get_running_loop().sock_accept(listener)
            serving.append(asyncio.create_task(around.proxy.serve_conn(accepted)))

        assert await sockets.recv_until_end(sock) == sockets.Received(b"", "reset")
        await asyncio.gather(*serving)
        assert len(around.events.of(mtglib.EventDomainFronting)) == 1
        sockets.close(sock)
        listener.close()


@pytest.mark.parametrize("given_host", [None, "other.example"])
async def test_front_by_a_name_that_leads_back_is_refused(relay: str, given_host: str | None) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    port = listener.getsockname()[1]
    host = given_host or HOST
    network = RoutedNetwork({(host, port): ("127.0.0.1", port)})
    changes: dict[str, Any] = {"domain_fronting_ip": None, "domain_fronting_port": port, "front_network": network}
    async with stage(relay, listener=listener, warnings=True, domain_fronting_host=given_host, **changes) as around:
        assert await around.probe(GARBAGE) == sockets.Received(b"", "reset")

        assert host in around.log.warnings[0]
        assert "domain-fronting" in around.log.warnings[0]


async def test_front_that_leads_back_to_an_asyncio_server_is_refused(relay: mtglib.RelayChoice) -> None:
    secret, log, visits = mtglib.Secret.generate(HOST), RecordingLogger(), 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal visits
        visits += 1
        client_address = writer.get_extra_info("peername")
        await proxy.serve_conn(mtglib.socket_from_streams(reader, writer), client_address=client_address)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    opts = mtglib.ProxyOpts.with_defaults(
        secret, domain_fronting_ip="127.0.0.1", domain_fronting_port=port, logger=log, relay=relay
    )
    async with mtglib.Proxy(opts) as proxy, server:
        sock = await sockets.connect("127.0.0.1", port)
        await sockets.send_all(sock, GARBAGE)
        assert (await sockets.recv_until_end(sock)).data == b""
        sockets.close(sock)
    assert visits == 2, "the prober's and the one that was dialled"
    assert "is its own address" in log.warnings[0]


async def test_another_server_on_this_machine_may_be_the_front(relay: str) -> None:
    listener = socket.create_server(("0.0.0.0", 0), backlog=64)
    async with stage(relay, listener=listener) as around:
        await around.stranger(GARBAGE)

        assert await (await around.front.connection()).got(len(GARBAGE)) == GARBAGE


class TestProxyProtocol:
    """The site is told who asks, with a header of version 2."""

    async def test_ipv4_client(self, relay: str) -> None:
        site = RecordingFront(listen_only, proxy_protocol=True)
        async with stage(relay, site=site, domain_fronting_proxy_protocol=True) as around:
            prober = await around.stranger(GARBAGE)

            connection = await around.front.connection()

            assert await connection.got(len(GARBAGE)) == GARBAGE
            addresses = socket.inet_aton("127.0.0.1") * 2
            ports = struct.pack(">HH", prober.getsockname()[1], around.port)
            assert connection.proxy_header == SIGNATURE + b"\x21\x11\x00\x0c" + addresses + ports

    @pytest.mark.parametrize("client", ["127.0.0.1", "::1"])
    async def test_client_of_a_dual_stack_listener(self, relay: str, client: str) -> None:
        listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        site = RecordingFront(listen_only, proxy_protocol=True)
        async with stage(relay, listener=listener, site=site, domain_fronting_proxy_protocol=True) as around:
            sock = await sockets.connect(client, around.port)
            await sockets.send_all(sock, GARBAGE)
            header = (await around.front.connection()).proxy_header

            family = socket.AF_INET6 if ":" in client else socket.AF_INET
            kind = b"\x21\x00\x24" if ":" in client else b"\x11\x00\x0c"
            ports = struct.pack(">HH", sock.getsockname()[1], around.port)
            assert header == SIGNATURE + b"\x21" + kind + socket.inet_pton(family, client) * 2 + ports
            sockets.close(sock)

    async def test_client_without_an_address(self, relay: str) -> None:
        site = RecordingFront(answer_then_eof(b"bye"), proxy_protocol=True)
        async with stage(relay, site=site, domain_fronting_proxy_protocol=True) as around:
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            serving = asyncio.create_task(around.proxy.serve_conn(theirs))
            await sockets.send_all(ours, GARBAGE)
            sockets.send_eof(ours)
            assert await sockets.recv_until_end(ours) == sockets.Received(b"bye", "eof")
            sockets.close(ours)
            await serving

            assert around.front.connections[0].proxy_header == SIGNATURE + b"\x20\x00\x00\x00"

    async def test_address_of_a_connection_that_was_handed_over(self, relay: str) -> None:
        site = RecordingFront(listen_only, proxy_protocol=True)
        async with stage(relay, site=site, domain_fronting_proxy_protocol=True) as around:
            ours, theirs = await tcp_pair()
            serving = asyncio.create_task(around.proxy.serve_conn(theirs, client_address=("192.0.2.9", 4711)))
            await sockets.send_all(ours, GARBAGE)

            header = (await around.front.connection()).proxy_header

            assert header[16:20] == socket.inet_aton("192.0.2.9")
            assert header[24:26] == struct.pack(">H", 4711)
            sockets.close(ours)
            await serving


async def test_hello_that_is_almost_right_is_fronted(relay: str) -> None:
    """It was made with the key, but for another host, or at another time."""
    async with stage(relay) as around:
        wrong: list[dict[str, Any]] = [{"server_name": "other.example"}, {"timestamp": 1_000_000}]
        for count, options in enumerate(wrong):
            client = await around.client_before_hello(**options)
            await client.send_hello()

            assert (await (await around.front.connection(count)).got(500))[:3] == b"\x16\x03\x01"


async def test_the_test_of_a_loop_ends_with_the_proxy(relay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtglib.front.loops._TEST_TIMEOUT", 60.0)

    def tests() -> list[asyncio.Task[Any]]:
        return [task for task in asyncio.all_tasks() if task.get_name() == "mtg-loop-test"]

    async with stage(relay, script=listen_only) as around:
        visitors = [await around.stranger(b"GET / HTTP/1.1\r\n") for _ in range(17)]
        await eventually(lambda: len(tests()) == 1)
        await around.proxy.shutdown()
        await eventually(lambda: tests() == [])
        for visitor in visitors:
            sockets.close(visitor)


class FarAway(Direct):
    """A network in which a dial takes as long as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        self.begun.set()
        await self.go.wait()
        return await super().dial(host, port, timeout_seconds=timeout_seconds)


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02"], ids=["no-hello", "half-hello"])
async def test_pieces_that_come_during_the_dial_reach_the_site_as_pieces(relay: str, first: bytes) -> None:
    alone: list[bytes] = []

    async def note_the_first(connection: FrontConnection) -> None:
        await connection.got(len(first))
        alone.append(bytes(connection.received))
        await connection.ended()

    network = FarAway()
    async with stage(relay, script=note_the_first, front_network=network) as around:
        visitor = await around.stranger(first)
        await network.begun.wait()
        await asyncio.sleep(0.01)  # a pause that the proxy sees
        await sockets.send_all(visitor, b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0.01)
        network.go.set()

        await (await around.front.connection()).got(len(first) + 18)
        assert alone == [first]
        sockets.close(visitor)


async def test_pauses_within_half_a_hello_make_no_answer_late(relay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[float] = []

    async def note(conn: Conn, site: SiteConnection, readiness: Readiness) -> SiteConnection:
        noted.extend(piece.came_mono for piece in conn.pieces if piece.said_bytes > site.forwarded_bytes)
        return await send_pieces(conn, site, readiness)

    monkeypatch.setattr("mtglib.stream.send_pieces", note)
    async with stage(relay) as around:
        visitor = await around.stranger(b"\x16\x03\x01\x00\x05")
        await asyncio.sleep(0.03)
        await sockets.send_all(visitor, b"no hello")

        assert await (await around.front.connection()).got(13) == b"\x16\x03\x01\x00\x05no hello"
        assert noted[-1] - noted[0] < 0.02
