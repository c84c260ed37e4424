"""The program with every part switched on in its configuration, between real servers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

import mtg
import mtglib
from support import sockets
from support.client_hello import hello_records
from support.fake_dc import FakeDC
from support.faketls_client import FakeTLSClient
from support.front import RecordingFront, listen_only
from support.list_server import ListServer, stalls
from support.metrics_page import of_metric, value
from support.ports import free_port
from support.program import Program, write
from support.redis_server import SERVER, RedisServer
from support.server_process import is_missing
from support.socks_servers import MicroSocks
from support.unbound import Unbound, unbound_is_missing

SECRET = mtglib.Secret(os.urandom(16), "front.example")
ESTABLISHED = "01"
UNACKNOWLEDGED = "01"
"""In /proc/net/tcp: a state, and a timer."""


def configuration(tmp_path: Path, dc: FakeDC, **sections: str) -> Path:
    """A configuration with these sections ([network.keep-alive] is network_keep_alive and so on)."""
    text = f'bind-to = "127.0.0.1:0"\nsecret = "{SECRET.base64()}"\n' + sections.pop("top", "")
    text += f'[dc-overrides]\n2 = ["{dc.address}"]\n[defense.front-learning]\nenabled = false\n'
    return write(tmp_path, text + "".join(f"[{name}]\n{body}\n" for name, body in sections.items()))


async def echo(port: int) -> None:
    async with await FakeTLSClient.connect("127.0.0.1", port, SECRET) as client:
        await client.send(b"hello")
        assert await client.recv_exactly(5) == b"hello"


async def http_get(port: int, path: str) -> bytes:
    sock = await sockets.connect("127.0.0.1", port)
    try:
        await sockets.send_all(sock, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return (await sockets.recv_until_end(sock)).data.partition(b"\r\n\r\n")[2]
    finally:
        sockets.close(sock)


async def end(program: Program) -> list[dict[str, Any]]:
    """End the program well, while the DC here goes on; return its whole log."""
    program.send(signal.SIGTERM)
    assert (await asyncio.to_thread(program.wait))[0] == 0
    assert SECRET.hex() not in json.dumps(program.log)
    return program.log


def port_of(program: Program) -> int:
    address: str = program.log[0]["bind_to"][0]
    return int(address.rpartition(":")[2])


async def test_metrics_can_be_fetched_and_count_what_happens(tmp_path: Path) -> None:
    async with FakeDC() as dc:
        port = free_port()
        stats = f'enabled = true\nbind-to = "127.0.0.1:{port}"\nhttp-path = "/metrics"\nmetric-prefix = "ours"'
        with Program("run", configuration(tmp_path, dc, **{"stats.prometheus": stats})) as program:
            await echo(program.started())
            async with asyncio.timeout(20):
                while sum(of_metric(page := await http_get(port, "/metrics"), "ours_connections_finished")) == 0:
                    pass
            assert value(page, "ours_client_connections", ip_family="ipv4") == 0
            assert value(page, "ours_telegram_traffic", telegram_ip="127.0.0.1", dc="2", direction="to_client") == 5
            assert value(page, "ours_engine_threads") == mtglib.engine_threads()
            await end(program)


async def test_metrics_that_are_sampled_are_of_now(tmp_path: Path) -> None:
    names = ("mtg_clients", "mtg_visitors", "mtg_engine_connections")

    async def now() -> list[float]:
        page = await http_get(port, "/")
        return [value(page, name) for name in names]

    async with FakeDC() as dc, RecordingFront(listen_only) as front:
        port = free_port()
        sections = {
            "stats.prometheus": f'enabled = true\nbind-to = "127.0.0.1:{port}"',
            "domain-fronting": f'ip = "127.0.0.1"\nport = {front.port}',
        }
        with Program("run", configuration(tmp_path, dc, **sections)) as program:
            proxy_port = program.started()
            assert await now() == [0, 0, 0]
            page = await http_get(port, "/")
            async with asyncio.timeout(20), await FakeTLSClient.connect("127.0.0.1", proxy_port, SECRET) as client:
                await client.send(b"hello")
                assert await client.recv_exactly(5) == b"hello"
                visitor = await sockets.connect("127.0.0.1", proxy_port)
                await sockets.send_all(visitor, b"GET / HTTP/1.1\r\n\r\n")
                while await now() != [1, 1, 2]:
                    pass
                sockets.close(visitor)
            async with asyncio.timeout(20):
                while await now() != [0, 0, 0]:
                    pass
            engine = mtglib.engine_description()
            assert value(page, "mtg_build_info", version=mtg.__version__, engine=engine) == 1
            assert of_metric(page, "mtg_engine_buffered_bytes") == ([0] if engine == "native" else [])
            assert value(page, "mtg_events_dropped") == 0
            assert value(page, "process_max_fds") >= value(page, "process_open_fds") > 5
            assert value(page, "process_resident_memory_bytes") > 10**7
            await end(program)


async def test_statistics_are_sent_until_the_end(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)
        stats = f'enabled = true\naddress = "127.0.0.1:{server.getsockname()[1]}"\ntag-format = "influxdb"'
        async with FakeDC() as dc:
            with Program("run", configuration(tmp_path, dc, **{"stats.statsd": stats})) as program:
                await echo(program.started())
                await end(program)
        lines = b""
        while b"mtg.connections_finished,reason=" not in lines:
            lines += server.recv(65_536) + b"\n"


async def gets_through(port: int) -> bool:
    try:
        await echo(port)
    except (OSError, EOFError):
        return False
    return True


async def is_turned_away(port: int) -> bool:
    sock = await sockets.connect("127.0.0.1", port)
    try:
        return (await sockets.recv_until_end(sock)).data == b""
    finally:
        sockets.close(sock)


async def test_a_blocked_client_is_closed_until_sighup_reads_a_list_without_it(tmp_path: Path) -> None:
    (tmp_path / "block.netset").write_text("127.0.0.0/8\n")
    blocklist = f'enabled = true\nurls = ["{tmp_path}/block.netset"]'
    async with FakeDC() as dc:
        with Program("run", configuration(tmp_path, dc, **{"defense.blocklist": blocklist})) as program:
            port = program.started()
            assert program.log[0]["message"] == "mtg has started", "also where lists come from the disk before"
            assert await is_turned_away(port)

            (tmp_path / "block.netset").write_text("192.0.2.0/24\n198.51.100.7\n")
            program.send(signal.SIGHUP)
            async with asyncio.timeout(20):
                while not await gets_through(port):
                    pass
            await end(program)


async def test_an_allowlist_lets_in_only_those_on_it(tmp_path: Path) -> None:
    (tmp_path / "allow.netset").write_text("127.0.0.2\n")
    allowlist = f'enabled = true\nurls = ["{tmp_path}/allow.netset"]'
    async with FakeDC() as dc:
        with Program("run", configuration(tmp_path, dc, **{"defense.allowlist": allowlist})) as program:
            assert await is_turned_away(program.started())
            await end(program)


async def test_sighup_during_the_start_keeps_nobody_waiting(tmp_path: Path) -> None:
    async with FakeDC() as dc, ListServer({"/list": stalls()}) as server:
        blocklist = f'enabled = true\nurls = ["{server.url("/list")}"]'
        sections = {"defense.blocklist": blocklist, "network.timeout": 'http = "1h"'}
        with Program("run", configuration(tmp_path, dc, **sections)) as program:
            port = program.started()
            program.send(signal.SIGHUP)
            async with asyncio.timeout(20):
                await echo(port)
                await end(program)


async def test_sighup_without_lists_is_no_end(tmp_path: Path) -> None:
    async with FakeDC() as dc:
        with Program("run", configuration(tmp_path, dc)) as program:
            port = program.started()
            program.send(signal.SIGHUP)
            await echo(port)
            await end(program)


async def test_masked_clients_are_in_no_line(tmp_path: Path) -> None:
    async with FakeDC() as dc:
        top = "debug = true\nmask-client-addresses = true\n"
        site = {"domain-fronting": f'ip = "127.0.0.1"\nport = {free_port()}'}
        with Program("run", configuration(tmp_path, dc, top=top, **site)) as program:
            with socket.create_connection(("127.0.0.1", program.started()), source_address=("127.0.0.77", 0)) as sock:
                sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
                while "client_ip" not in program.read_until(""):
                    pass
            log = json.dumps(await end(program))
    assert "127.0.0.0/24" in log
    assert "127.0.0.77" not in log


def sockets_of(program: Program) -> set[str]:
    """The inodes of the sockets that it has open, as /proc/net/tcp spells them."""
    inodes = set()
    for path in Path(f"/proc/{program.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            inodes.add(os.readlink(path).removeprefix("socket:[").removesuffix("]"))
    return inodes


async def timer_of_connection(program: Program, peer_port: int) -> str:
    """The kernel's timer of the program's established connection to this port, once what was sent is acknowledged.

    00 is none, 02 is keep-alive (Documentation/networking/proc_net_tcp.rst of Linux).
    """
    timers: set[str] = set()
    async with asyncio.timeout(20):
        while timers <= {UNACKNOWLEDGED}:  # a row is missed now and then: other programs' connections move it
            await asyncio.sleep(0.002)
            own = sockets_of(program)
            rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
            connection = [row for row in rows if row[2].endswith(f":{peer_port:04X}") and row[3] == ESTABLISHED]
            timers = {row[5][:2] for row in connection if row[9] in own}
    (timer,) = timers
    return timer


@pytest.mark.parametrize(("keep_alive", "timer"), [("", "02"), ("disabled = true", "00")])
async def test_keep_alive_is_as_configured_on_both_legs(tmp_path: Path, keep_alive: str, timer: str) -> None:
    async with FakeDC() as dc:
        path = configuration(tmp_path, dc, **{"network.keep-alive": keep_alive})
        with Program("run", path) as program:
            async with await FakeTLSClient.connect("127.0.0.1", program.started(), SECRET) as client:
                await client.send(b"hello")
                await client.recv_exactly(5)
                assert await timer_of_connection(program, client.sock.getsockname()[1]) == timer
                assert await timer_of_connection(program, dc.port) == timer
            await end(program)


async def test_visitors_of_the_site_have_no_keep_alive_on_either_leg(tmp_path: Path) -> None:
    async with FakeDC() as dc, RecordingFront() as front:
        fronting = f'ip = "127.0.0.1"\nport = {front.port}'
        with Program("run", configuration(tmp_path, dc, **{"domain-fronting": fronting})) as program:
            visitor = await sockets.connect("127.0.0.1", program.started())
            with visitor:
                assert await timer_of_connection(program, visitor.getsockname()[1]) == "00"
                await sockets.send_all(visitor, b"GET / HTTP/1.1\r\n\r\n")
                await (await front.connection()).got(18)
                assert await timer_of_connection(program, visitor.getsockname()[1]) == "00"
                assert await timer_of_connection(program, front.port) == "00"
            await end(program)


@pytest.mark.parametrize("scheme", ["udp", "tls", "https"])
async def test_the_site_is_found_through_the_configured_dns_server(tmp_path: Path, scheme: str) -> None:
    if reason := unbound_is_missing():
        pytest.skip(reason)
    secret = mtglib.Secret(os.urandom(16), "long.example")  # at 127.0.0.5, says this server alone
    async with Unbound() as server, RecordingFront(host="127.0.0.5") as front:
        port = {"udp": server.plain_port, "tls": server.tls_port, "https": server.https_port}[scheme]
        text = f'bind-to = "127.0.0.1:0"\nsecret = "{secret.hex()}"\n[domain-fronting]\nport = {front.port}\n'
        config = write(tmp_path, text + f'[network]\ndns = "{scheme}://127.0.0.1:{port}"\n')
        with Program("run", config, environment={"SSL_CERT_FILE": str(server.authority)}) as program:
            stranger = await sockets.connect("127.0.0.1", program.started())
            await sockets.send_all(stranger, b"GET / HTTP/1.1\r\n\r\n")
            assert await (await front.connection()).got(18) == b"GET / HTTP/1.1\r\n\r\n"
            sockets.close(stranger)
            await end(program)


async def test_telegram_is_reached_through_the_proxies(tmp_path: Path) -> None:
    if reason := is_missing("microsocks"):
        pytest.skip(reason)
    async with FakeDC() as dc, MicroSocks("joe", "hush") as server:
        network = f"proxies = {json.dumps([server.url])}"
        with Program("run", configuration(tmp_path, dc, network=network)) as program:
            await echo(program.started())
            await server.kill()
            client = await FakeTLSClient.connect("127.0.0.1", port_of(program), SECRET)
            assert (await sockets.recv_until_end(client.sock)).data == b""
            client.close()
            assert "hush" not in json.dumps(await end(program))


async def test_two_proxies_share_what_they_have_seen_in_redis(tmp_path: Path) -> None:
    if SERVER is None:
        pytest.skip("redis-server is not installed")
    async with FakeDC() as dc, RecordingFront() as front, RedisServer(password="hush") as server:
        sections = {
            "domain-fronting": f'ip = "127.0.0.1"\nport = {front.port}',
            "defense.anti-replay": f'kind = "redis"\nurl = "{server.url}"',
        }
        configurations = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            configurations.append(configuration(tmp_path / name, dc, **sections))
        with Program("run", configurations[0]) as one, Program("run", configurations[1]) as two:
            client = await FakeTLSClient.connect("127.0.0.1", one.started(), SECRET)
            await client.send(b"hello")
            await client.recv_exactly(5)
            client.close()

            replayed = await sockets.connect("127.0.0.1", two.started())
            await sockets.send_all(replayed, hello_records(client.hello))
            await (await front.connection()).got(len(hello_records(client.hello)))
            sockets.close(replayed)
            assert "hush" not in json.dumps(await end(one) + await end(two))
