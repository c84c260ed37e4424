"""Several networks as one, and the list of proxies in a configuration."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from typing import Any

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.network import Direct
from mtglib.network.balanced import Balanced, from_urls
from mtglib.network.breaker import CircuitBreaker
from mtglib.network.errors import CircuitOpenError, TargetUnreachableError
from mtglib.network.socks5 import Socks5
from support.eventually import eventually
from support.socks_servers import ScriptedProxy, answers, answers_and_ends
from support.timeless import timeless
from unit.network.scripted import Scripted

DOWN = ConnectionRefusedError("down")


async def dial(network: mtglib.Network, timeout_seconds: float = 30) -> None:
    (await network.dial("a", 1, timeout_seconds=timeout_seconds)).close()


async def fail(network: mtglib.Network, count: int) -> None:
    for _ in range(count):
        with pytest.raises(OSError, match=r"^(SOCKS5 proxy a:1080: )?down$"):
            await dial(network)


async def fail_any(network: mtglib.Network) -> None:
    with pytest.raises(OSError):
        await dial(network)


def test_it_is_a_network() -> None:
    assert isinstance(Balanced([Direct()]), mtglib.Network)


async def test_all_get_their_share_of_the_dials() -> None:
    networks = [Scripted() for _ in range(3)]
    balanced = Balanced(networks)

    for _ in range(300):
        await dial(balanced)

    assert sum(network.dialled for network in networks) == 300
    assert min(network.dialled for network in networks) > 40  # by chance, less comes once in 10**13 runs


async def test_where_one_fails_the_next_is_tried() -> None:
    broken, target_is_far, good = Scripted(DOWN), Scripted(TargetUnreachableError()), Scripted()
    balanced = Balanced([broken, target_is_far, good])

    for _ in range(50):
        await dial(balanced)

    assert good.dialled == 50
    assert broken.dialled
    assert target_is_far.dialled


@pytest.mark.parametrize(("count", "share_seconds"), [(1, 30), (2, 15), (3, 10), (9, 10)])
async def test_the_first_has_a_share_of_the_time(count: int, share_seconds: float) -> None:
    network = Scripted()
    await dial(Balanced([network] * count))

    assert network.time_outs == [pytest.approx(share_seconds, abs=1)]


@timeless
async def test_a_silent_one_leaves_time_for_the_next() -> None:
    async with ScriptedProxy(answers()) as silent, ScriptedProxy(answers(b"\5\0", b"\5\0\0\1" + bytes(6))) as good:
        balanced = from_urls([silent.url, good.url], base=Direct())
        while not silent.accepted:
            await dial(balanced, 1)

        assert good.accepted


async def test_it_gives_up_when_the_time_is_over() -> None:
    network = Scripted(asyncio.get_running_loop().create_future())

    with pytest.raises(TimeoutError, match="3 more could be tried"):
        await dial(Balanced([network] * 3), 0)
    assert network.dialled == 0


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ([TimeoutError("one"), TimeoutError("two")], TimeoutError),
        ([TargetUnreachableError("one"), TargetUnreachableError("two")], TargetUnreachableError),
        ([ConnectionRefusedError("one"), TimeoutError("two")], OSError),
        ([ConnectionRefusedError("one; two")], ConnectionRefusedError),
    ],
)
async def test_if_all_fail_the_error_has_them_all(errors: list[Exception], kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"^(one; two|two; one)$") as caught:
        await dial(Balanced([Scripted(error) for error in errors]))
    assert type(caught.value) is kind


async def test_open_breakers_are_left_out_and_said_to_be_if_all_are() -> None:
    broken, good = Scripted(DOWN), Scripted(*[None] * 20, DOWN)
    breakers = [CircuitBreaker(network, open_threshold=1) for network in (broken, good)]
    balanced = Balanced(breakers)
    for _ in range(20):
        await dial(balanced)
    while breakers[0].lets_through or breakers[1].lets_through:
        with pytest.raises(OSError, match="down"):
            await dial(balanced)
    assert broken.dialled == 1

    with pytest.raises(
        CircuitOpenError, match=r"^none of 2 networks can be used: all failed too often and are paused$"
    ):
        await dial(balanced)


async def test_an_open_breaker_takes_no_share_of_the_time() -> None:
    good = Scripted()
    breakers = [CircuitBreaker(Scripted(DOWN), open_threshold=1) for _ in range(2)]
    for breaker in breakers:
        await fail(breaker, 1)

    await dial(Balanced([*breakers, good]))

    assert good.time_outs == [pytest.approx(30, abs=1)]


async def test_a_breaker_that_opens_meanwhile_is_passed_over() -> None:
    opened = Scripted(CircuitOpenError("just opened"))

    for _ in range(20):
        await dial(Balanced([opened, Scripted()]))
        await fail(Balanced([opened, Scripted(DOWN)]), 1)

    assert opened.dialled > 20


async def test_a_network_with_a_bug_is_stood_in_for() -> None:
    buggy, good = Scripted(ZeroDivisionError("a bug")), Scripted()

    for _ in range(20):
        await dial(Balanced([buggy, good]))

    assert good.dialled == 20
    assert buggy.dialled


async def test_a_bug_is_told_of_if_nobody_stands_in() -> None:
    with pytest.raises(ZeroDivisionError):
        await dial(Balanced([Scripted(ZeroDivisionError())]))
    with pytest.raises(OSError, match=r"^ZeroDivisionError: a bug; ZeroDivisionError: a bug$"):
        await dial(Balanced([Scripted(ZeroDivisionError("a bug"))] * 2))


@timeless
async def test_a_network_that_ignores_its_time_out_is_ended() -> None:
    loop = asyncio.get_running_loop()
    begun_mono = loop.time()
    endless = Scripted(loop.create_future())
    with pytest.raises(TimeoutError, match=r"^no answer within 1 s"):
        await dial(Balanced([endless] * 2), 2)
    assert loop.time() - begun_mono == pytest.approx(2.05), "and a little, so that a network may tell by itself"

    tried_before_the_good_one = 0
    while not tried_before_the_good_one:
        dialled = endless.dialled
        await dial(Balanced([endless, Scripted()]), 2)
        tried_before_the_good_one = endless.dialled - dialled


async def test_the_error_of_a_network_that_keeps_its_time_is_heard() -> None:
    async with ScriptedProxy(answers()) as silent:
        with pytest.raises(TimeoutError, match=rf"^SOCKS5 proxy 127\.0\.0\.1:{silent.port} doesn't answer"):
            await dial(Balanced([Socks5(silent.url, base=Direct())]), 0.02)


async def test_cancelling_tries_no_other() -> None:
    networks = [Scripted(asyncio.get_running_loop().create_future()) for _ in range(2)]
    dialling = asyncio.create_task(dial(Balanced(networks)))
    await asyncio.sleep(0)
    dialling.cancel()

    with pytest.raises(asyncio.CancelledError):
        await dialling
    assert sum(network.dialled for network in networks) == 1


PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"


class To(Direct):
    """Leads to one port of this machine, whatever the name."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.asked_for: list[str] = []
        self._port = port

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        self.asked_for.append(f"{host}:{port}")
        return await super().dial("127.0.0.1", self._port, timeout_seconds=timeout_seconds)


async def test_http_goes_through_one_that_works() -> None:
    async with ScriptedProxy(answers_and_ends(PAGE)) as site:
        broken, good = Scripted(DOWN), To(site.port)
        async with Balanced([broken, good]).http_client() as client:
            while not broken.dialled:
                assert (await client.get("http://site.example/")).content == b"hi"

        assert set(good.asked_for) == {"site.example:80"}


@pytest.mark.parametrize("make", [lambda network: Balanced([network]), CircuitBreaker])
async def test_http_goes_where_it_is_told(make: Callable[[mtglib.Network], mtglib.Network]) -> None:
    async with ScriptedProxy(answers_and_ends(PAGE)) as site:
        unused, chosen = Scripted(DOWN), To(site.port)
        async with make(unused).http_client(chosen.dial) as client:
            assert (await client.get("http://site.example/")).content == b"hi"

        assert (unused.dialled, chosen.asked_for) == (0, ["site.example:80"])


@pytest.mark.parametrize("value", [[], None, "direct", Direct(), iter([Direct()])])
def test_what_is_no_list_of_networks_is_refused(value: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^networks: expected (a list|at least one network)"):
        Balanced(value)


@pytest.mark.parametrize("value", ["socks5://a", None, Direct, object()])
def test_what_is_no_network_is_named_by_its_place(value: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^networks\[1\]: expected an object with dial, http_client[,;] "):
        Balanced([Direct(), value])


def test_no_proxy_or_the_empty_one_is_the_direct_way() -> None:
    base = Direct()

    assert from_urls([], base=base) is base
    assert from_urls([""], base=base) is base


def test_each_proxy_of_a_list_has_a_breaker() -> None:
    assert repr(from_urls(["socks5://u:p@a"], base=Direct())) == "CircuitBreaker(Socks5(a:1080))"
    balanced = repr(from_urls(["socks5://u:p@a", "", "socks5://[::1]:9"], base=Direct()))
    assert balanced.startswith("Balanced([CircuitBreaker(Socks5(a:1080)), Direct(), ")
    assert balanced.endswith("CircuitBreaker(Socks5([::1]:9))])")


async def test_a_breaker_rests_as_long_as_its_url_says() -> None:
    network = from_urls(["socks5://a?open_threshold=2&half_open_timeout=1ms"], base=Scripted(DOWN))
    assert isinstance(network, CircuitBreaker)

    await fail(network, 2)

    await eventually(lambda: network.lets_through)  # by default it would be a minute


async def test_a_breaker_opens_at_the_threshold_of_its_url() -> None:
    network = from_urls(["socks5://a?open_threshold=2"], base=Scripted(DOWN))

    await fail(network, 2)

    with pytest.raises(CircuitOpenError):
        await dial(network)


async def test_a_breaker_forgets_failures_as_fast_as_its_url_says() -> None:
    await fail(from_urls(["socks5://a?open_threshold=2&reset_failures_timeout=1ns"], base=Scripted(DOWN)), 20)


def test_a_broken_url_of_a_list_is_named_by_its_place() -> None:
    with pytest.raises(mtglib.OptionError, match=r"^urls\[1\]: expected socks5://") as caught:
        from_urls(["socks5://a", "http://u:hidden@b"], base=Direct())
    assert caught.value.field == "urls[1]"
    with pytest.raises(mtglib.OptionError, match=r"^urls\[0\]: expected half_open_timeout to be a duration"):
        from_urls(["socks5://a?half_open_timeout=hidden"], base=Direct())


@pytest.mark.parametrize(
    ("urls", "base", "field"),
    [
        *((urls, Direct(), "urls") for urls in ("socks5://u:hidden@a", None, 1, b"socks5://a")),
        *((urls, Direct(), "urls[0]") for urls in ([1], [None], [b"socks5://a"], [["socks5://a"]])),
        *((urls, None, "base") for urls in ([], [""], ["socks5://a"])),
    ],
)
def test_arguments_of_the_wrong_type_are_refused(urls: Any, base: Any, field: str) -> None:
    with pytest.raises(mtglib.OptionError, match=rf"^{re.escape(field)}: expected") as caught:
        from_urls(urls, base=base)
    assert caught.value.field == field
    assert "hidden" not in str(caught.value)


async def test_a_logger_hears_of_each_proxy_by_its_address(logger: RecordingLogger) -> None:
    url = "socks5://me:hidden@a:9?open_threshold=1"
    await fail_any(from_urls([url, url], base=Scripted(DOWN), logger=logger))

    assert logger.warnings == ["Socks5(a:9) failed once and is paused for 60 s"] * 2
    assert "hidden" not in logger.everything()
