"""Whoever isn't a client sees the site behind the proxy exactly as if there were no proxy."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest

from interop.visitors import NAME, curl, knock, s_client, visitors_are_missing
from support.front import PAGES, NginxSite, nginx_is_missing
from support.running_proxy import RunningProxy


@pytest.fixture
async def site() -> AsyncIterator[NginxSite]:
    """A site with all the patience of the world."""
    if reason := nginx_is_missing() or visitors_are_missing():
        pytest.skip(reason)
    async with NginxSite(NAME) as site:
        yield site


@pytest.fixture
async def proxy(site: NginxSite, relay: str) -> AsyncIterator[RunningProxy]:
    """The proxy in front of it."""
    async with RunningProxy(front_port=site.port, host=NAME, relay=relay) as proxy:
        yield proxy


@pytest.fixture
async def impatient(relay: str) -> AsyncIterator[tuple[RunningProxy, NginxSite]]:
    """A site that gives up on the slow and the idle after a second, and a proxy that gives them 50 ms."""
    if reason := nginx_is_missing() or visitors_are_missing():
        pytest.skip(reason)
    async with (
        NginxSite(NAME, keepalive_seconds=1, header_seconds=1) as site,
        RunningProxy(front_port=site.port, host=NAME, relay=relay, handshake_timeout=0.05) as proxy,
    ):
        yield proxy, site


@pytest.mark.parametrize(
    "arguments",
    [(), ("--tlsv1.3",), ("--tls-max", "1.2"), ("--no-keepalive",), ("--head",)],
    ids=lambda arguments: " ".join(arguments) or "plain",
)
async def test_curl_gets_the_same_pages(site: NginxSite, proxy: RunningProxy, arguments: tuple[str, ...]) -> None:
    paths = (*PAGES, "/missing.html")

    direct = await curl(site.port, site.certificate_path, *arguments, paths=paths)
    proxied = await curl(proxy.port, site.certificate_path, *arguments, paths=paths)

    assert proxied == direct
    assert direct.headers.count(b"HTTP/1.1 ") == len(paths)


async def test_keepalive_uses_one_connection(site: NginxSite, proxy: RunningProxy) -> None:
    page = await curl(proxy.port, site.certificate_path, paths=("/", "/page.txt", "/large.bin"))

    connects = [line.split()[2] for line in page.transfers.splitlines()]
    assert connects == ["1", "0", "0"]
    assert page.body == PAGES["/"] + PAGES["/page.txt"] + PAGES["/large.bin"]


async def test_upload_is_refused_the_same_way(site: NginxSite, proxy: RunningProxy) -> None:
    arguments = ("--data-binary", "@" + str(site.root / "pages" / "page.txt"))

    direct = await curl(site.port, site.certificate_path, *arguments)
    proxied = await curl(proxy.port, site.certificate_path, *arguments)

    assert proxied == direct
    assert b"405 Not Allowed" in direct.headers


@pytest.mark.parametrize(
    "arguments",
    [
        ("-tls1_3", "-servername", NAME),
        ("-tls1_2", "-servername", NAME),
        ("-servername", "other.example"),
        ("-noservername",),
        ("-servername", NAME, "-alpn", "h2,http/1.1"),
        ("-servername", NAME, "-groups", "P-256"),
        ("-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ],
    ids=" ".join,
)
async def test_openssl_sees_the_same_session(site: NginxSite, proxy: RunningProxy, arguments: tuple[str, ...]) -> None:
    direct = await s_client(site.port, site.certificate_path, *arguments)
    proxied = await s_client(proxy.port, site.certificate_path, *arguments)

    assert proxied == direct
    assert "Verify return code: 0 (ok)" in [line.strip() for line in direct]
    assert "HTTP/1.1 200 OK" in direct


async def test_session_from_the_site_is_resumed_through_the_proxy(site: NginxSite, proxy: RunningProxy) -> None:
    session = str(site.root / "session.pem")

    await s_client(site.port, site.certificate_path, "-servername", NAME, "-sess_out", session)
    lines = await s_client(proxy.port, site.certificate_path, "-servername", NAME, "-sess_in", session)

    assert any(line.startswith("Reused, TLSv1.3") for line in lines)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: front.example\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(506),
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x80\x2e\x01\x03\x01" + bytes(43),
        bytes(range(256)) * 8,
    ],
    ids=["http", "ssh", "no-hello", "bad-hello", "alert", "sslv2", "garbage"],
)
async def test_what_is_no_tls_gets_the_sites_own_answer(site: NginxSite, proxy: RunningProxy, data: bytes) -> None:
    assert await knock(proxy.port, data) == await knock(site.port, data)


async def test_half_a_hello_and_a_fin_end_as_at_the_site(site: NginxSite, proxy: RunningProxy) -> None:
    half = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100)

    assert await knock(proxy.port, half, then_eof=True) == await knock(site.port, half, then_eof=True)


async def test_the_sites_patience_ends_the_connection(impatient: tuple[RunningProxy, NginxSite]) -> None:
    proxy, site = impatient
    beginnings = (b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00")

    knocking = [knock(port, data) for port in (proxy.port, site.port) for data in beginnings]
    ends = await asyncio.gather(*knocking)

    assert ends[:3] == ends[3:]


async def test_idle_keepalive_connection_is_closed_by_the_site(
    impatient: tuple[RunningProxy, NginxSite],
) -> None:
    proxy, site = impatient
    context = ssl.create_default_context(cafile=str(site.certificate_path))
    reader, writer = await asyncio.open_connection(proxy.host, proxy.port, ssl=context, server_hostname=NAME)
    writer.write(f"GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())

    everything = await reader.read()  # until the site, not the proxy, has had enough

    assert everything.endswith(PAGES["/"])
    assert b"Connection: keep-alive" in everything
    writer.close()
    await writer.wait_closed()


async def test_site_learns_the_visitors_address(relay: str) -> None:
    if reason := nginx_is_missing() or visitors_are_missing():
        pytest.skip(reason)
    async with (
        NginxSite(NAME, proxy_protocol=True) as site,
        RunningProxy(front_port=site.port, host=NAME, relay=relay, domain_fronting_proxy_protocol=True) as proxy,
    ):
        told = ("--write-out", "%{local_ip} %{local_port}")
        page = await curl(proxy.port, site.certificate_path, *told, paths=("/client",))

    assert page.body.decode() == page.transfers
