"""How visitors get to the site."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

import mtglib
from mtglib import ProxyOpts, Secret
from mtglib.fine_clock import FineClock
from mtglib.front.dial import Front, SiteConnection
from mtglib.front.page_file import PAGES, name_of
from mtglib.front.site_store import SiteStore
from mtglib.ground.endpoints import Endpoint, endpoint_of
from mtglib.ground.guarded_logger import GuardedLogger, Warnings
from mtglib.keyshare import KeyShares
from mtglib.page_urls import parse_page_urls
from mtglib.relay.job import DRS, Job, PageRecords, Shape, TimedRecord
from mtglib.roster import Entry
from mtglib.visitor import Visitor
from support import sockets

SECRET = Secret(bytes(range(16)), "front.example")
SEEN = Endpoint(ip_address("192.0.2.7"), 50_000)

Listen = Callable[..., socket.socket]


class OneHost:
    """A network on which every name and address is one local server's."""

    def __init__(self, host: str, port: int) -> None:
        self.dialled: list[tuple[str, int, float]] = []
        self._address = (host, port)

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        self.dialled.append((host, port, timeout_seconds))
        return socket.create_connection(self._address)

    def http_client(self, dial: Any = None) -> AbstractAsyncContextManager[Any]:
        raise NotImplementedError


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Make listeners, at a given port or one of the kernel's choice; :: takes IPv4, too."""
    with ExitStack() as stack:

        def on(host: str, port: int = 0) -> socket.socket:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return stack.enter_context(socket.create_server((host, port), family=family, dualstack_ipv6=host == "::"))

        yield on


async def dial_front(
    opts: ProxyOpts, listeners: Collection[socket.socket], reached: Endpoint | None, warnings: Warnings
) -> socket.socket:
    """Dial for a visitor who has arrived there, and has said nothing that others say."""
    entry = Entry("a", Visitor(SEEN, lambda: reached), 0.0)
    return await make_front(opts, warnings, listeners).dial(entry, b"")


def make_front(opts: ProxyOpts, warnings: Warnings, listeners: Collection[socket.socket] = ()) -> Front:
    pages = parse_page_urls(opts.record_urls, opts.sites())
    return Front(opts.default_host, opts, pages, listeners, lambda: None, warnings, KeyShares(), FineClock())


def fronting_job(
    opts: ProxyOpts, client: socket.socket, upstream: socket.socket, unread: bytes, visitor: Visitor, warnings: Warnings
) -> Job:
    front = make_front(opts, warnings)
    return front.job(client, unread, SiteConnection(upstream, front.preamble(visitor), 0))


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def dialled_address(opts: ProxyOpts) -> tuple[str, int]:
    return opts.front_address(opts.default_host).of_site(opts.default_host)


def test_the_site_is_the_secrets_host_unless_an_address_is_given() -> None:
    assert dialled_address(ProxyOpts.with_defaults(SECRET)) == ("front.example", 443)
    given = ProxyOpts.with_defaults(SECRET, domain_fronting_ip="2001:db8::1", domain_fronting_port=8443)
    assert dialled_address(given) == ("2001:db8::1", 8443)


@pytest.mark.parametrize("host", ["other.example", "192.0.2.1", "2001:db8::1"])
def test_another_host_can_be_given(host: str) -> None:
    assert dialled_address(ProxyOpts.with_defaults(SECRET, domain_fronting_host=host)) == (host, 443)


async def test_the_front_network_dials_if_there_is_one(listen: Listen, warnings: Warnings) -> None:
    site = listen("127.0.0.1")
    network, front = OneHost("127.0.0.1", 9), OneHost("127.0.0.1", port_of(site))
    opts = ProxyOpts.with_defaults(SECRET, network=network, front_network=front, dial_timeout=3.5)

    (await dial_front(opts, [], None, warnings)).close()

    assert front.dialled == [("front.example", 443, 7.0)]
    assert network.dialled == []


async def test_without_one_the_network_dials(listen: Listen, warnings: Warnings) -> None:
    network = OneHost("127.0.0.1", port_of(listen("127.0.0.1")))

    sock = await dial_front(ProxyOpts.with_defaults(SECRET, network=network), [listen("127.0.0.1")], None, warnings)

    with sock:
        assert sock.gettimeout() == 0
    assert len(network.dialled) == 1


@pytest.mark.parametrize(
    ("bound", "reached"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("::", "127.0.0.1")],
)
async def test_a_front_that_is_this_proxy_is_refused(
    bound: str, reached: str, listen: Listen, warnings: Warnings
) -> None:
    own = listen(bound)
    opts = ProxyOpts.with_defaults(SECRET, network=OneHost(reached, port_of(own)))

    with pytest.raises(mtglib.UpstreamError, match=r"^domain-fronting: .* front\.example port 443 is its own address"):
        await dial_front(opts, [listen("127.0.0.1"), own], None, warnings)


async def test_a_site_of_the_other_family_on_our_port_is_another_server(listen: Listen, warnings: Warnings) -> None:
    port = sockets.port_free_on("0.0.0.0", "::1")
    own = listen("0.0.0.0", port)
    with socket.create_server(("::1", port), family=socket.AF_INET6):
        opts = ProxyOpts.with_defaults(SECRET, network=OneHost("::1", port))
        (await dial_front(opts, [own], None, warnings)).close()


async def test_a_site_on_our_port_beside_a_listener_for_ipv6_alone_is_another_server(warnings: Warnings) -> None:
    port = sockets.port_free_on("127.0.0.1", "::")
    with socket.create_server(("127.0.0.1", port)), socket.create_server(("::", port), family=socket.AF_INET6) as own:
        opts = ProxyOpts.with_defaults(SECRET, network=OneHost("127.0.0.1", port))
        (await dial_front(opts, [own], None, warnings)).close()


async def test_another_address_of_this_machine_is_another_server(listen: Listen, warnings: Warnings) -> None:
    port = sockets.port_free_on("127.0.0.1", "127.0.0.2")
    own = listen("127.0.0.1", port)
    with socket.create_server(("127.0.0.2", port)):
        opts = ProxyOpts.with_defaults(SECRET, network=OneHost("127.0.0.2", port))
        (await dial_front(opts, [own], None, warnings)).close()


async def test_a_wildcard_is_not_on_other_machines(listen: Listen, warnings: Warnings) -> None:
    own = listen("0.0.0.0")

    class Faraway(socket.socket):
        def getpeername(self) -> tuple[str, int]:
            return "192.0.2.9", port_of(own)

    class Internet(OneHost):
        async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
            return Faraway()

    opts = ProxyOpts.with_defaults(SECRET, network=Internet("", 0))
    (await dial_front(opts, [own], None, warnings)).close()


@pytest.mark.parametrize("mapped", [False, True])
async def test_a_front_where_the_prober_itself_arrived_is_refused(
    mapped: bool, listen: Listen, warnings: Warnings
) -> None:
    unknown = listen("127.0.0.1")
    opts = ProxyOpts.with_defaults(SECRET, network=OneHost("127.0.0.1", port_of(unknown)))
    reached = endpoint_of((f"{'::ffff:' if mapped else ''}127.0.0.1", port_of(unknown)))

    with pytest.raises(mtglib.UpstreamError, match=r"is its own address$"):
        await dial_front(opts, [], reached, warnings)


async def test_a_site_beside_where_the_prober_arrived_is_another_server(listen: Listen, warnings: Warnings) -> None:
    site = listen("127.0.0.1")
    opts = ProxyOpts.with_defaults(SECRET, network=OneHost("127.0.0.1", port_of(site)))
    for reached in (("127.0.0.2", port_of(site)), ("127.0.0.1", 1)):
        (await dial_front(opts, [], endpoint_of(reached), warnings)).close()


async def test_what_a_transparent_proxy_was_meant_for_is_not_itself(warnings: Warnings) -> None:
    class Faraway(socket.socket):
        def getpeername(self) -> tuple[str, int]:
            return "192.0.2.9", 443

    class Internet(OneHost):
        async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
            return Faraway()

    opts = ProxyOpts.with_defaults(SECRET, network=Internet("", 0))
    (await dial_front(opts, [], endpoint_of(("192.0.2.9", 443)), warnings)).close()


async def test_a_tunnel_without_addresses_is_never_our_own(listen: Listen, warnings: Warnings) -> None:
    one, other = socket.socketpair()

    class Tunnel(OneHost):
        async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
            return one

    opts = ProxyOpts.with_defaults(SECRET, network=Tunnel("", 0))
    with one, other:
        assert await dial_front(opts, [listen("127.0.0.1")], None, warnings) is one


def test_the_job_is_raw_and_patient(warnings: Warnings) -> None:
    client, upstream = socket.socketpair()
    with client, upstream:
        visitor, opts = Visitor(SEEN, None), ProxyOpts.with_defaults(SECRET, idle_timeout=5)
        job = fronting_job(opts, client, upstream, b"seen", visitor, warnings)
        assert (job.client, job.upstream, job.client_unread) == (client, upstream, b"seen")
        assert (job.ciphers, job.preamble, job.idle_timeout) == (None, b"", 600.0)
        assert (job.half_closed_timeout, job.delivery_timeout) == (60.0, 1.0)

        opts = ProxyOpts.with_defaults(SECRET, idle_timeout=900.5)
        assert fronting_job(opts, client, upstream, b"", visitor, warnings).idle_timeout == 900.5


def test_the_site_can_be_told_who_asks(warnings: Warnings) -> None:
    opts = ProxyOpts.with_defaults(SECRET, domain_fronting_proxy_protocol=True)
    front = make_front(opts, warnings)

    header = front.preamble(Visitor(SEEN, lambda: Endpoint(ip_address("127.0.0.1"), 443)))

    assert header[12:16] == b"\x21\x11\x00\x0c"
    assert header[16:] == b"\xc0\x00\x02\x07\x7f\x00\x00\x01" + (50_000).to_bytes(2) + (443).to_bytes(2)
    assert front.preamble(Visitor(None, None))[12:] == b"\x20\x00\x00\x00"


@pytest.mark.parametrize(("drs", "shape"), [(False, None), (True, DRS)])
async def test_before_a_page_was_loaded_records_are_full_or_dynamic(
    warnings: Warnings, drs: bool, shape: Shape | None
) -> None:
    front = make_front(ProxyOpts.with_defaults(SECRET, drs=drs), warnings)

    assert front.record_shape(Visitor(SEEN)) is shape


async def test_the_first_client_after_a_restart_gets_records_that_were_learnt_before_it(
    warnings: Warnings, listen: Listen, tmp_path: Path
) -> None:
    url = "https://front.example/file"
    page = PageRecords((TimedRecord(250, 0.0), TimedRecord(16_401, 0.0)), 1)
    opts = ProxyOpts.with_defaults(
        SECRET,
        network=OneHost("127.0.0.1", port_of(listen("127.0.0.1"))),
        front_learning=mtglib.FrontLearning(directory=tmp_path),
        record_urls=[url],
    )
    store = SiteStore(tmp_path, PAGES, GuardedLogger(None))
    store.keep(name_of(parse_page_urls([url], opts.sites())), [page])
    await store.close()
    front = make_front(opts, warnings)
    front.begin()
    await front.loaded()

    assert front.record_shape(Visitor(SEEN)) == Shape(pages=(page,))
    await front.close()


async def test_few_connections_to_the_site_are_begun_at_once(warnings: Warnings) -> None:
    class Hanging(OneHost):
        begun = 0
        go = asyncio.Event()

        async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
            self.begun += 1
            await self.go.wait()
            raise OSError("no site")

    network = Hanging("", 0)
    front = make_front(ProxyOpts.with_defaults(SECRET, network=network), warnings)
    visitors = [Visitor(Endpoint(ip_address(f"10.0.{n >> 8}.{n & 255}"), 1), None) for n in range(600)]
    dials = [asyncio.create_task(front.dial(Entry(str(each.ip), each, 0.0), b"")) for each in visitors]
    for _ in range(20):
        await asyncio.sleep(0)
    assert network.begun == 512
    network.go.set()
    await asyncio.gather(*dials, return_exceptions=True)
    assert network.begun == 600
