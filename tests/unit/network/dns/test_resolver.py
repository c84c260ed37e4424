"""Caching and sharing, over a transport that does as it is told."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset
import pytest

from mtglib.network.dns.cache import DNSCache
from mtglib.network.dns.hosts_file import HostsFile
from mtglib.network.dns.message import Query, RecordType, Reply
from mtglib.network.dns.resolver import DNSResolver
from mtglib.network.errors import ResolverClosedError
from support.timeless import timeless


class Clock:
    """A clock that moves when told to."""

    now_mono = 1000.0

    def __call__(self) -> float:
        return self.now_mono


class Told:
    """Answers from a table; a family that isn't in it has no addresses."""

    def __init__(self, **known: str) -> None:
        self.known = known
        self.ttl_seconds = 60
        self.error: OSError | None = None
        self.silent: set[RecordType] = set()
        self.asked: list[tuple[str, RecordType]] = []
        self.closed = False

    async def ask(self, name: str, kind: RecordType) -> tuple[Query, bytes]:
        self.asked.append((name, kind))
        if kind in self.silent:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        query = Query(name, kind)
        answer = dns.message.make_response(dns.message.from_wire(query.wire))
        if address := self.known.get(kind):
            answer.answer.append(dns.rrset.from_text(f"{name}.", self.ttl_seconds, "IN", kind, address))
        return query, answer.to_wire()

    async def aclose(self) -> None:
        self.closed = True


NO_HOSTS = HostsFile("/dev/null/none")
FOUR = [(socket.AF_INET, ("192.0.2.1", 443))]


def resolver(transport: Told, clock: Clock | None = None) -> DNSResolver:
    return DNSResolver(transport, "tls://192.0.2.53:853", hosts=NO_HOSTS, clock=clock or Clock())


async def test_all_who_ask_at_once_share_two_questions() -> None:
    transport = Told(A="192.0.2.1")
    names = resolver(transport)

    answers = await asyncio.gather(*(names.resolve("a.example", 443) for _ in range(20)))

    assert answers == [FOUR] * 20
    assert sorted(transport.asked) == [("a.example", "A"), ("a.example", "AAAA")]


async def test_who_gives_up_does_not_take_the_answer_from_others() -> None:
    names = resolver(Told(A="192.0.2.1"))
    asking = [asyncio.create_task(names.resolve("a.example", 443)) for _ in range(3)]
    await asyncio.sleep(0)
    asking.pop(0).cancel()

    assert await asyncio.gather(*asking) == [FOUR] * 2


@pytest.mark.parametrize(("ttl_seconds", "kept_seconds"), [(1, 10), (60, 60), (999_999, 3600)])
async def test_answers_are_kept_for_their_time_within_bounds(ttl_seconds: int, kept_seconds: float) -> None:
    transport, clock = Told(A="192.0.2.1", AAAA="2001:db8::1"), Clock()
    transport.ttl_seconds = ttl_seconds
    names = resolver(transport, clock)
    await names.resolve("a.example", 443)
    clock.now_mono += kept_seconds - 0.01
    await names.resolve("a.example", 443)
    assert len(transport.asked) == 2
    clock.now_mono += 0.01
    await names.resolve("a.example", 443)

    assert len(transport.asked) == 4


@pytest.mark.parametrize(("ttl_seconds", "kept_seconds"), [(1, 5), (30, 30), (999_999, 60)])
def test_that_there_is_none_is_kept_for_its_time_within_bounds(ttl_seconds: int, kept_seconds: float) -> None:
    cache = DNSCache(1)
    cache.keep(("a.example", "A"), Reply((), ttl_seconds), 1000)

    kept = [cache.fresh(("a.example", "A"), 1000 + after) for after in (0, kept_seconds - 0.01, kept_seconds)]
    assert kept == [(), (), None]


async def test_that_there_is_none_is_remembered_for_a_while() -> None:
    transport, clock = Told(), Clock()
    names = resolver(transport, clock)
    for pause_seconds, asked in ((0.0, 2), (4.9, 2), (56.0, 4)):
        clock.now_mono += pause_seconds
        with pytest.raises(socket.gaierror, match="has no address"):
            await names.resolve("a.example", 443)
        assert len(transport.asked) == asked


async def test_while_the_server_is_away_old_answers_hold_for_a_day() -> None:
    transport, clock = Told(A="192.0.2.1"), Clock()
    names = resolver(transport, clock)
    await names.resolve("a.example", 443)
    transport.error = OSError("the server is away")
    clock.now_mono += 80_000
    assert await names.resolve("a.example", 443) == FOUR
    assert await names.resolve("a.example", 443) == FOUR
    assert transport.asked.count(("a.example", "A")) == 2, "an outage is not asked about by everybody"
    clock.now_mono += 10_000

    with pytest.raises(OSError, match="away"):
        await names.resolve("a.example", 443)


async def test_errors_are_not_remembered() -> None:
    transport = Told(A="192.0.2.1")
    names = resolver(transport)
    transport.error = OSError("SERVFAIL")
    with pytest.raises(OSError, match="SERVFAIL"):
        await names.resolve("a.example", 443)
    transport.error = None

    assert await names.resolve("a.example", 443) == FOUR


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (ConnectionRefusedError("refused"), OSError, "refused"),
        (TimeoutError(), TimeoutError, "no answer in time"),
        (TimeoutError("nobody there"), TimeoutError, "nobody there"),
    ],
)
async def test_an_error_names_the_server(error: OSError, kind: type[OSError], text: str) -> None:
    transport = Told()
    transport.error = error
    with pytest.raises(kind, match=rf"^DNS server tls://192\.0\.2\.53:853: {text}$"):
        await resolver(transport).resolve("a.example", 443)


async def test_what_is_no_name_is_not_the_servers_fault() -> None:
    with pytest.raises(OSError, match=r"^'a\.\.example' isn't a host name$"):
        await resolver(Told()).resolve("a..example", 443)


@pytest.mark.parametrize("turns", [0, 1, 5])
async def test_who_waits_when_it_is_closed_is_told_so(turns: int) -> None:
    transport = Told()
    transport.silent = {"A", "AAAA"}
    names = resolver(transport)
    asking = [asyncio.create_task(names.resolve(name, 443)) for name in ("a.example", "a.example", "b.example")]
    for _ in range(turns):
        await asyncio.sleep(0)
    await names.aclose()

    for task in asking:
        with pytest.raises(ResolverClosedError, match=r"^the resolver was closed$"):
            await task
    assert transport.closed


async def test_closing_while_the_hosts_file_is_read_starts_no_question() -> None:
    class Slow(HostsFile):
        async def addresses(self, name: str) -> list[str]:
            await read.wait()
            return []

    read, transport = asyncio.Event(), Told(A="192.0.2.1")
    names = DNSResolver(transport, "", hosts=Slow())
    asking = asyncio.create_task(names.resolve("a.example", 443))
    await asyncio.sleep(0)
    await names.aclose()
    read.set()

    with pytest.raises(ResolverClosedError):
        await asking
    assert transport.asked == []


async def test_once_closed_it_answers_nobody() -> None:
    names = resolver(Told(A="192.0.2.1"))
    await names.resolve("a.example", 443)
    await names.aclose()
    await names.aclose()

    with pytest.raises(ResolverClosedError):
        await names.resolve("a.example", 443)


def test_a_second_event_loop_is_told_that_it_has_the_wrong_one() -> None:
    names = resolver(Told(A="192.0.2.1"))
    assert asyncio.run(names.resolve("a.example", 443)) == FOUR

    with pytest.raises(RuntimeError, match="belongs to another event loop"):
        asyncio.run(names.resolve("a.example", 443))
    with pytest.raises(RuntimeError, match="belongs to another event loop"):
        asyncio.run(names.aclose())


async def test_a_zone_of_the_hosts_file_is_looked_up_or_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("fe80::1%lo a.example\nfe80::1%nothing0 a.example\n192.0.2.1 a.example\n")
    names = DNSResolver(Told(), "", hosts=HostsFile(str(path)))

    zoned = (socket.AF_INET6, ("fe80::1", 443, 0, socket.if_nametoindex("lo")))
    assert await names.resolve("a.example", 443) == [zoned, *FOUR]


@pytest.mark.parametrize("silent", ["A", "AAAA"])
@timeless
async def test_silence_about_one_family_hides_the_other_for_three_tenths_of_a_second(silent: RecordType) -> None:
    loop = asyncio.get_running_loop()
    begun_mono = loop.time()
    transport = Told(A="192.0.2.1", AAAA="2001:db8::1")
    transport.silent = {silent}
    names = resolver(transport)

    assert len(await names.resolve("a.example", 443)) == 1
    assert loop.time() - begun_mono == pytest.approx(0.3)
    await names.aclose()
    assert transport.closed


def test_a_full_cache_forgets_what_was_not_used_for_longest() -> None:
    cache = DNSCache(2)
    for name in ("a", "b"):
        cache.keep((name, "A"), Reply(("192.0.2.1",), 60), 0)
    cache.fresh(("a", "A"), 1)
    cache.keep(("c", "A"), Reply(("192.0.2.1",), 60), 2)

    assert len(cache) == 2
    assert [cache.fresh((name, "A"), 3) is not None for name in ("a", "b", "c")] == [True, False, True]
