"""Behind a balancer: who the client is stands in a PROXY header, which comes first, in whatever pieces."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

import mtglib
from integration.event_rules import names
from integration.stage import Stage, stage, tcp_pair
from integration.test_proxy_early_front import hello_of
from integration.test_proxy_visitors import from_address
from mtglib.ground.endpoints import Endpoint
from mtglib.wire.proxy_protocol import header_v2
from support import sockets
from support.eventually import eventually
from support.faketls_client import FakeTLSClient
from support.front import RecordingFront, answer_then_eof, listen_only
from support.program import Program

GARBAGE = b"GET / HTTP/1.1\r\n\r\n"
CLIENT, REACHED = Endpoint(ip_address("198.51.100.7"), 50_000), Endpoint(ip_address("192.0.2.1"), 443)
CLIENT_6, REACHED_6 = Endpoint(ip_address("2001:db8::7"), 50_000), Endpoint(ip_address("2001:db8::1"), 443)

HEADERS = {
    "v1": b"PROXY TCP4 198.51.100.7 192.0.2.1 50000 443\r\n",
    "v1 of IPv6": b"PROXY TCP6 2001:db8::7 2001:db8::1 50000 443\r\n",
    "v2": header_v2(CLIENT, REACHED),
    "v2 of IPv6": header_v2(CLIENT_6, REACHED_6),
    "v2 with 2 KiB": header_v2(CLIENT, REACHED)[:14]
    + (2048).to_bytes(2)
    + header_v2(CLIENT, REACHED)[16:]
    + bytes(2036),
}
V1, V2 = HEADERS["v1"], HEADERS["v2"]


def behind(relay: str, **changes: Any) -> AbstractAsyncContextManager[Stage]:
    return stage(relay, proxy_protocol_listener=True, **changes)


async def client_of(around: Stage, header: bytes, **options: Any) -> FakeTLSClient:
    """A client whose balancer has sent this header."""
    client = await around.client_before_hello(**options)
    await client.send_raw(header)
    return client


async def is_echoed(client: FakeTLSClient) -> bool:
    await client.send(b"in")
    return await client.recv_exactly(2) == b"in"


def started(around: Stage) -> list[str]:
    return [str(event.remote_ip) for event in around.events.of(mtglib.EventStart)]


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
async def test_a_client_is_who_the_header_says(relay: str, header: bytes) -> None:
    async with behind(relay) as around:
        client = await client_of(around, header)
        await client.handshake()
        assert await is_echoed(client)

        (connection,) = around.proxy.connections()
        assert connection.client == (CLIENT_6 if b"2001" in header or len(header) == 52 else CLIENT)
        assert started(around) == [str(connection.client.ip)]
        assert around.proxy.clients == 1


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
@pytest.mark.parametrize("pieces", [1, 20])
async def test_header_and_hello_may_be_cut_anywhere(relay: str, header: bytes, pieces: int) -> None:
    """The last piece has the hello, too."""
    async with behind(relay) as around:
        client, hello = await hello_of(around)
        cuts = [*range(0, len(header), len(header) // pieces)][:pieces]
        for start, end in zip(cuts, [*cuts[1:], None], strict=True):
            await client.send_raw((header if end else header + hello)[start:end])
            await asyncio.sleep(0)
        await client.receive_answer()
        await client.send_frame()

        assert await is_echoed(client)


async def test_the_site_is_told_the_headers_addresses(relay: str) -> None:
    site = RecordingFront(listen_only, proxy_protocol=True)
    async with behind(relay, site=site, domain_fronting_proxy_protocol=True) as around:
        await around.stranger(V1 + GARBAGE)
        connection = await around.front.connection()

        assert await connection.got(len(GARBAGE)) == GARBAGE
        assert connection.proxy_header == V2


async def test_a_second_header_is_a_visitors_bytes(relay: str) -> None:
    async with behind(relay) as around:
        await around.stranger(V1 + V2)

        assert await (await around.front.connection()).got(len(V2)) == V2
        assert [event.reason for event in around.events.of(mtglib.EventDomainFronting)] == ["not_tls"]


@pytest.mark.parametrize(
    "data",
    [
        *(GARBAGE, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", V1.replace(b"TCP4", b"UDP4"), V1[:-2].ljust(200)),
        *(V2[:14] + b"\x10\x00" + bytes(4096), V2[:13] + b"\x21" + V2[14:]),
    ],
    ids=["no header", "a hello", "v1 malformed", "v1 too long", "v2 too long", "v2 of another family"],
)
async def test_a_bad_header_is_a_reset_and_no_more(relay: str, data: bytes) -> None:
    async with behind(relay) as around:
        assert await around.probe(data) == sockets.Received(b"", "reset")

        assert names(await around.finished()) == ["Start", "Finish"]
        assert around.events.of(mtglib.EventFinish)[0].reason is mtglib.Reason.PROXY_HEADER
        assert around.front.connections == []


@pytest.mark.parametrize("data", [b"", V1[:10]], ids=["silent", "half a header"])
async def test_a_header_that_is_late_is_a_reset(relay: str, data: bytes) -> None:
    async with behind(relay, handshake_timeout=0.05) as around:
        assert await around.probe(data) == sockets.Received(b"", "reset")
        assert names(await around.finished()) == ["Start", "Finish"]


@pytest.mark.parametrize("data", [b"", b"PROXY UNKNOWN\r\n", header_v2(None, None)], ids=["nothing", "v1", "v2"])
@pytest.mark.parametrize("leave", [sockets.close, sockets.reset])
async def test_a_health_check_leaves_no_warning(
    relay: str, data: bytes, leave: Callable[[socket.socket], None]
) -> None:
    async with behind(relay) as around:
        leave(await around.stranger(data))
        await around.finished()

        assert started(around) == ["127.0.0.1"]
        assert around.front.connections == []


async def test_who_is_not_trusted_is_an_ordinary_visitor(relay: str) -> None:
    async with behind(relay, proxy_protocol_trusted=["10.0.0.0/8", "127.0.0.9"]) as around:
        assert await is_echoed(await around.client())
        await around.stranger(V1)

        assert await (await around.front.connection()).got(len(V1)) == V1
        assert started(around) == ["127.0.0.1", "127.0.0.1"]

        sock = await from_address(around, "127.0.0.9", V1 + GARBAGE)
        assert await (await around.front.connection(1)).got(len(GARBAGE)) == GARBAGE
        assert started(around)[2:] == [str(CLIENT.ip)]
        sockets.close(sock)


async def test_a_balancer_is_trusted_by_its_ipv4_address_on_a_listener_for_both(relay: str) -> None:
    listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    async with behind(relay, listener=listener, proxy_protocol_trusted=["127.0.0.0/8"]) as around:
        client = await client_of(around, V1)
        await client.handshake()

        assert await is_echoed(client)


async def test_a_unix_sockets_connections_have_headers(relay: str, tmp_path: Path) -> None:
    path = str(tmp_path / "sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        async with behind(relay, listener=listener, proxy_protocol_trusted=["10.0.0.0/8"]) as around:
            sock = socket.socket(socket.AF_UNIX)
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, path)
            async with FakeTLSClient(sock, around.secret) as client:
                await client.send_raw(V2)
                await client.handshake()
                assert await is_echoed(client)
            assert started(around) == [str(CLIENT.ip)]


async def test_a_connection_that_was_handed_over_has_none(relay: str) -> None:
    async with behind(relay) as around:
        ours, theirs = await tcp_pair()
        serving = asyncio.create_task(around.proxy.serve_conn(theirs, client_address=("192.0.2.9", 4711)))
        async with FakeTLSClient(ours, around.secret) as client:
            await client.handshake()
            assert await is_echoed(client)
        await serving

        assert started(around) == ["192.0.2.9"]


async def test_where_it_is_crowded_the_clients_networks_have_their_shares(relay: str) -> None:
    async with behind(relay, max_visitors=8, max_visitors_per_network=2) as around:
        crowd = [await around.stranger(V1.replace(b"100.7", b"100.%d" % number)) for number in range(10, 15)]
        crowd += [await around.stranger(V1), await around.stranger(V1)]
        await around.events.seen(mtglib.EventStart, 7)
        assert around.events.of(mtglib.EventFinish) == []

        await around.stranger(V1)

        assert await sockets.recv_until_end(crowd[5]) == sockets.Received(b"", "eof")
        (event,) = await around.events.seen(mtglib.EventFinish)
        assert event.reason is mtglib.Reason.EVICTED


async def test_those_that_never_send_a_header_keep_no_client_out(relay: str) -> None:
    async with behind(relay, concurrency=8) as around:
        for _ in range(40):
            await around.stranger()
        for _ in range(4):
            client = await client_of(around, V1)
            await client.handshake()
            assert await is_echoed(client)

        assert (around.proxy.visitors, around.proxy.clients) == (3, 4)
        assert around.events.of(mtglib.EventConcurrencyLimited) == []
        assert {event.reason for event in around.events.of(mtglib.EventFinish)} == {"evicted"}
        assert len(around.events.of(mtglib.EventFinish)) == 37
        assert around.proxy.end(around.proxy.connections()[0].stream_id)


async def test_shutdown_ends_those_that_wait(relay: str) -> None:
    async with behind(relay) as around:
        waiting = await around.stranger(V1[:9])
        await eventually(lambda: around.proxy.visitors == 1)

        assert await around.proxy.shutdown() == 1

        assert (await sockets.recv_until_end(waiting)).data == b""
        assert [event.reason for event in around.events.of(mtglib.EventFinish)] == ["shutdown"]


async def test_a_site_that_is_where_the_client_came_to_is_no_site(relay: str) -> None:
    """The balancer would lead back to the proxy."""
    async with behind(relay, warnings=True) as around:
        header = header_v2(CLIENT, Endpoint(ip_address("127.0.0.1"), around.site.port))

        assert await around.probe(header + GARBAGE) == sockets.Received(b"", "reset")
        assert "is its own address" in around.log.warnings[0]


async def test_the_program_takes_headers_and_warns_of_everyone_who_could_send_one() -> None:
    async with RecordingFront(answer_then_eof(b"the site")) as front:
        flags = ("--proxy-protocol-listener", "--domain-fronting-ip", "127.0.0.1", "-p", front.port)
        with Program("simple-run", *flags, "127.0.0.1:0", mtglib.Secret.generate("front.example").hex()) as program:
            port = await asyncio.to_thread(program.started)
            warning = await asyncio.to_thread(program.read_until, "proxy-protocol-trusted: ")
            assert warning["level"] == "warn"
            for data, received in ((V1 + GARBAGE, b"the site"), (GARBAGE, b"")):
                sock = await sockets.connect("127.0.0.1", port)
                await sockets.send_all(sock, data)
                assert (await sockets.recv_until_end(sock)).data == received
                sockets.close(sock)
