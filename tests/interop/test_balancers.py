"""docs/balancers.md: haproxy and nginx in front of the proxy and of a site, by name, with PROXY headers."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import tomllib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import mtglib
from docs.pages import ROOT
from integration.recording_logger import RecordingLogger
from mtg.build import build_parts
from mtg.config import config_from_table
from mtglib.noop import NoopLogger
from support.fake_dc import FakeDC
from support.faketls_client import FakeTLSClient
from support.nginx_site import NginxSite, nginx_is_missing
from support.running_proxy import RunningProxy
from support.server_process import ServerProcess, is_missing

PAGE = (ROOT / "docs" / "balancers.md").read_text()
NAME, OTHER_NAME = "www.example.org", "shop.example.org"
CLIENT = "127.0.0.7"
STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert isinstance(found, str)
    return found


class Balancer(ServerProcess):
    """Leads the secret's name to the proxy, and all others to the site."""

    def __init__(self, proxy_port: int, site_port: int) -> None:
        super().__init__()
        self._proxy_port, self._site_port = proxy_port, site_port

    def config(self, language: str, listen: str) -> str:
        """Return the page's file with ports of this test; `listen` is what it says before its own port."""
        text = block(language)
        for old, new in (
            (f"{listen}443", f"{listen.rstrip(':')} 127.0.0.1:{self.port}"),
            ("127.0.0.1:3128", f"127.0.0.1:{self._proxy_port}"),
            ("127.0.0.1:8443", f"127.0.0.1:{self._site_port}"),
        ):
            assert old in text
            text = text.replace(old, new)
        return text

    async def is_ready(self) -> bool:
        """Return whether it listens, without connecting: that would reach the proxy."""
        return f" 0100007F:{self.port:04X} 00000000:0000 0A " in Path("/proc/net/tcp").read_text()


class Haproxy(Balancer):
    """Sends headers of version 2, and checks whether the proxy is there."""

    header = "send-proxy-v2"

    def command(self) -> Sequence[str | Path]:
        """See the base."""
        config = self.config("haproxy", "bind :").replace("send-proxy-v2", self.header)
        (self.root / "haproxy.cfg").write_text(config.replace(" check\n", " check inter 20ms\n"))
        return ["haproxy", "-db", "-f", self.root / "haproxy.cfg"]


class HaproxyV1(Haproxy):
    """Sends headers of version 1."""

    header = "send-proxy"


class Nginx(Balancer):
    """Sends headers of version 1."""

    def command(self) -> Sequence[str | Path]:
        """See the base."""
        rest = f"daemon off; master_process off; user root; pid {self.root}/nginx.pid; events {{}}"
        stream = self.config("nginx", "listen ")
        (self.root / "nginx.conf").write_text(f"load_module {STREAM_MODULE};\n{rest}\n{stream}")
        return ["nginx", "-c", self.root / "nginx.conf", "-e", self.root / "error.log"]


def why_not(kind: type[Balancer]) -> str | None:
    """Return why it can't run here, or None."""
    if kind is not Nginx:
        return is_missing("haproxy") or nginx_is_missing()
    return nginx_is_missing() or (None if STREAM_MODULE.exists() else "nginx's stream module is not installed")


@dataclass
class Scene:
    """A balancer, the proxy and the site behind it."""

    balancer: Balancer
    proxy: RunningProxy
    site: NginxSite
    log: RecordingLogger

    async def client(self) -> FakeTLSClient:
        """Connect a client from its own address."""
        sock = await from_own_address(self.balancer.port)
        client = FakeTLSClient(sock, self.proxy.secret)
        return await client.handshake()

    async def look_at(self, name: str) -> tuple[str, str]:
        """Ask a site who is asking; return its answer, and the right one."""
        sock = await from_own_address(self.balancer.port)
        told = " ".join(map(str, sock.getsockname()))
        context = ssl.create_default_context(cafile=self.site.certificate_path)
        context.check_hostname = False  # both names have one certificate
        reader, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=name)
        writer.write(f"GET /client HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        page = await reader.read()
        writer.close()
        return page.decode().rpartition("\r\n\r\n")[2], told

    def came_from(self) -> list[str]:
        """Who came to the proxy, other than the balancer itself."""
        ips = [str(event.remote_ip) for event in self.proxy.events.of(mtglib.EventStart)]
        return [ip for ip in ips if ip != "127.0.0.1"]


async def from_own_address(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    sock.bind((CLIENT, 0))
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return sock


@asynccontextmanager
async def scene(kind: type[Balancer], relay: str) -> AsyncIterator[Scene]:
    if reason := why_not(kind):
        pytest.skip(reason)
    log = RecordingLogger()
    options: dict[str, Any] = {
        "relay": relay,
        "logger": log,
        "proxy_protocol_listener": True,
        "proxy_protocol_trusted": ["127.0.0.1"],
        "domain_fronting_proxy_protocol": True,
    }
    async with (
        NginxSite(NAME, proxy_protocol=True) as site,
        FakeDC() as dc,
        RunningProxy(front_port=site.port, host=NAME, dcs={2: dc.address}, **options) as proxy,
        kind(proxy.port, site.port) as balancer,
    ):
        yield Scene(balancer, proxy, site, log)
    assert log.warnings == []


balancers = pytest.mark.parametrize("kind", [Haproxy, HaproxyV1, Nginx])


@balancers
async def test_clients_come_through_with_their_own_address(kind: type[Balancer], relay: str) -> None:
    async with scene(kind, relay) as it, asyncio.timeout(20):
        for _ in range(2):
            async with await it.client() as client:
                await client.send(b"hello")
                assert await client.recv_exactly(5) == b"hello"

        assert it.came_from() == [CLIENT, CLIENT]


@balancers
async def test_browsers_get_both_sites_which_know_who_asks(kind: type[Balancer], relay: str) -> None:
    async with scene(kind, relay) as it, asyncio.timeout(20):
        for name, visitors in ((OTHER_NAME, 0), (NAME, 1)):
            answered, told = await it.look_at(name)

            assert answered == told
            assert it.came_from() == [CLIENT] * visitors


@pytest.mark.parametrize("kind", [Haproxy, HaproxyV1])
async def test_health_checks_leave_no_warning(kind: type[Balancer], relay: str) -> None:
    async with scene(kind, relay) as it, asyncio.timeout(20):
        ends = await it.proxy.events.seen(mtglib.EventFinish, 3)

        assert {end.reason for end in ends} <= {mtglib.Reason.CLOSED, mtglib.Reason.CLIENT_RESET}
        assert it.proxy.events.of(mtglib.EventDomainFronting) == []
        async with await it.client() as client:
            await client.send(b"up")
            assert await client.recv_exactly(2) == b"up"


def test_the_pages_configuration_is_a_whole_one() -> None:
    table = tomllib.loads(block("toml"))
    built = build_parts(config_from_table(table, source="docs"), logger=NoopLogger())

    assert built.warnings == ()
    assert built.options.default_host == NAME
    assert (built.options.proxy_protocol_listener, built.options.proxy_protocol_trusted) == (True, ("127.0.0.1/32",))
