"""Looking up an anti-replay server's name: one thread, which nobody waits for."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from integration.recording_logger import RecordingLogger
from mtglib.antireplay import Redis
from mtglib.antireplay.server_addresses import ServerAddresses

V4 = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
V6 = (socket.AF_INET6, socket.SOCK_STREAM, 6, "")
THREE = ("192.0.2.1", "192.0.2.2", "192.0.2.3")


class System:
    """Stands in for `socket.getaddrinfo`: answers with what it is given, or raises it, once `may_answer`."""

    def __init__(self, *then: list[Any] | Exception) -> None:
        self.then = list(then)
        self.asked = 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self, *_positional: object, **_named: object) -> list[Any]:
        self.asked += 1
        self.may_answer.wait()
        answer = self.then.pop(0) if len(self.then) > 1 else self.then[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def system(monkeypatch: pytest.MonkeyPatch, *then: list[Any] | Exception) -> System:
    stand_in = System(*then)
    monkeypatch.setattr(socket, "getaddrinfo", stand_in)
    return stand_in


def answer(*ips: str) -> list[Any]:
    return [(*V4, (ip, 6379)) for ip in ips]


async def ask(addresses: ServerAddresses) -> list[str]:
    return await addresses.of("redis.example", 6379)


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_silent_dns_is_asked_once_and_holds_nobody_up(
    scheme: str, loop_factory: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    dns, unhandled = system(monkeypatch, socket.gaierror("silent")), []
    dns.may_answer.clear()
    now_mono = 0.0

    async def many_hellos() -> None:
        nonlocal now_mono
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unhandled.append(context))
        cache = Redis(f"{scheme}://redis.example", timeout_seconds=0.001, clock=lambda: now_mono)
        for number in range(30):
            assert not await cache.seen_before(b"%d" % number)
            now_mono += 5
        await cache.close()

    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(many_hellos())  # whose end waits for the executor's threads
    finally:
        dns.may_answer.set()
    gc.collect()
    assert (dns.asked, unhandled) == (1, [])


async def test_who_comes_later_waits_for_the_same_answer_and_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    dns, addresses = system(monkeypatch, answer("192.0.2.1"), answer("192.0.2.2")), ServerAddresses()
    dns.may_answer.clear()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ask(addresses), 0.001)
    assert addresses.is_asked_for
    waiting = [asyncio.create_task(ask(addresses)) for _ in range(5)]
    dns.may_answer.set()

    assert await asyncio.gather(*waiting) == [["192.0.2.1"]] * 5
    assert not addresses.is_asked_for
    assert await ask(addresses) == ["192.0.2.2"], "which isn't kept"


@pytest.mark.parametrize("error", [socket.gaierror("unknown"), UnicodeError("no name"), ValueError("a NUL")])
async def test_a_name_that_is_not_found_is_an_os_error_and_asked_for_again(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    system(monkeypatch, error, answer("192.0.2.1"))
    addresses = ServerAddresses()
    with pytest.raises(OSError):
        await ask(addresses)

    assert await ask(addresses) == ["192.0.2.1"]


async def test_after_a_failure_the_next_address_is_first(monkeypatch: pytest.MonkeyPatch) -> None:
    system(monkeypatch, answer(*THREE))
    addresses, first = ServerAddresses(), []
    for _ in range(4):
        first.append((await ask(addresses))[0])
        addresses.failed(first[-1])

    assert first == [*THREE, THREE[0]]
    assert set(await ask(addresses)) == set(THREE)


async def test_an_address_with_a_zone_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    system(monkeypatch, [(*V6, ("fe80::1", 6379, 0, 3)), (*V6, ("2001:db8::1", 6379, 0, 0))])

    assert await ask(ServerAddresses()) == ["fe80::1%3", "2001:db8::1"]


@pytest.mark.parametrize("ip", ["192.0.2.1", "2001:db8::1", "fe80::1%3"])
async def test_an_address_needs_no_look_up(ip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dns = system(monkeypatch, answer("192.0.2.9"))

    assert (await ServerAddresses().of(ip, 6379), dns.asked) == ([ip], 0)


async def test_no_thread_is_left_for_a_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    system(monkeypatch, answer("192.0.2.1"))
    addresses = ServerAddresses()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        with pytest.raises(OSError, match="no thread could be started"):
            await ask(addresses)

    assert await ask(addresses) == ["192.0.2.1"]


def test_another_event_loop_asks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    dns, addresses = system(monkeypatch, answer("192.0.2.1")), ServerAddresses()
    dns.may_answer.clear()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(addresses), 0.001)

    asyncio.run(give_up())
    dns.may_answer.set()
    assert asyncio.run(ask(addresses)) == ["192.0.2.1"]


async def test_the_log_says_that_it_is_the_name(monkeypatch: pytest.MonkeyPatch, logger: RecordingLogger) -> None:
    dns = system(monkeypatch, answer("192.0.2.1"))
    dns.may_answer.clear()
    await Redis("redis://redis.example", timeout_seconds=0.001, logger=logger).probe()
    dns.may_answer.set()

    assert [message.error for message in logger.messages] == [
        'TimeoutError("its name wasn\'t resolved within 0.001 s")'
    ]
