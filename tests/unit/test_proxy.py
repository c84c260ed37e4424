"""The proxy's own life: how it begins, what it takes, and how it ends. Streams are the integration tests' business."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from ipaddress import ip_address
from typing import Any

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.errors import ProxyUseError
from mtglib.network import Direct
from support import sockets
from support.faketls_client import FakeTLSClient
from support.running_proxy import EventRecorder
from support.timeless import timeless

SECRET = mtglib.Secret(bytes(range(16)), "front.example")
Listen = Callable[[], socket.socket]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Make listeners on 127.0.0.1."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(socket.create_server(("127.0.0.1", 0)))


@pytest.fixture
def events() -> EventRecorder:
    """Where the proxies' events go."""
    return EventRecorder()


def make(events: EventRecorder, **changes: Any) -> mtglib.Proxy:
    return mtglib.Proxy(mtglib.ProxyOpts.with_defaults(SECRET, event_stream=events, relay="pure", **changes))


async def started(proxy: mtglib.Proxy, listener: socket.socket) -> asyncio.Task[None]:
    serving = asyncio.create_task(proxy.serve(listener))
    await asyncio.sleep(0)
    return serving


def kinds(events: EventRecorder) -> list[str]:
    return [type(event).__name__ for event in events.events]


def test_it_needs_no_event_loop_to_be_made_and_asked(events: EventRecorder) -> None:
    proxy = make(events, domain_fronting_ip="192.0.2.1", domain_fronting_port=8443)

    assert proxy.domain_fronting_address == ("192.0.2.1", 8443)
    assert make(events).domain_fronting_address == ("front.example", 443)
    assert proxy.relay_engine == "pure (asked for)"
    assert proxy.events_dropped == 0
    assert events.events == []


async def test_its_repr_says_what_it_does_and_no_secret(events: EventRecorder, listen: Listen) -> None:
    proxy, listener = make(events), listen()
    assert repr(proxy) == "<Proxy host='front.example' listeners=0 connections=0 relay='pure (asked for)'>"

    serving = await started(proxy, listener)
    assert repr(proxy) == "<Proxy host='front.example' listeners=1 connections=0 relay='pure (asked for)'>"

    await proxy.shutdown()
    await serving
    assert repr(proxy) == "<Proxy host='front.example' listeners=0 connections=0 relay='pure (asked for)' shut down>"


async def test_serve_returns_after_shutdown_and_leaves_the_listener_open(events: EventRecorder, listen: Listen) -> None:
    proxy, listeners = make(events), [listen(), listen()]
    serving = [await started(proxy, listener) for listener in listeners]

    await proxy.shutdown()
    await asyncio.gather(*serving)

    assert all(listener.fileno() >= 0 for listener in listeners)


async def test_all_listeners_are_served(events: EventRecorder, listen: Listen) -> None:
    proxy, listeners = make(events), [listen(), listen()]
    serving = [await started(proxy, listener) for listener in listeners]
    for listener in listeners:
        socket.create_connection(listener.getsockname()).close()

    await events.seen(mtglib.EventFinish, 2)

    await proxy.shutdown()
    await asyncio.gather(*serving)
    assert {event.remote_ip for event in events.of(mtglib.EventStart)} == {ip_address("127.0.0.1")}


async def test_a_proxy_that_was_shut_down_serves_nobody(events: EventRecorder, listen: Listen) -> None:
    proxy = make(events)
    await proxy.shutdown()
    await proxy.shutdown()
    ours, peer = socket.socketpair()

    with pytest.raises(mtglib.ProxyShutDownError):
        await proxy.serve(listen())
    await proxy.serve_conn(ours)

    with peer:
        assert peer.recv(1) == b""
    assert ours.fileno() == -1
    assert events.events == []


async def test_leaving_the_context_is_a_shutdown(events: EventRecorder, listen: Listen) -> None:
    async with make(events) as proxy:
        serving = await started(proxy, listen())

    await serving
    with pytest.raises(mtglib.ProxyShutDownError):
        await proxy.serve(listen())


@pytest.mark.parametrize("grace_seconds", [0.0, 60.0])
async def test_shutdown_waits_for_streams_with_grace_and_ends_them_without(
    events: EventRecorder, grace_seconds: float
) -> None:
    proxy, (ours, peer) = make(events), socket.socketpair()
    peer.setblocking(False)
    serving = asyncio.create_task(proxy.serve_conn(ours))
    await events.seen(mtglib.EventStart)
    stopping = asyncio.create_task(proxy.shutdown(grace_seconds))
    if grace_seconds:
        for _ in range(20):
            await asyncio.sleep(0)
        assert kinds(events) == ["EventStart"]
        sockets.close(peer)

    assert await stopping == (0 if grace_seconds else 1), "how many it has ended itself"
    assert kinds(events) == ["EventStart", "EventFinish"]
    await serving
    sockets.close(peer)


async def test_the_one_with_less_patience_decides(events: EventRecorder) -> None:
    proxy, (ours, peer) = make(events), socket.socketpair()
    serving = asyncio.create_task(proxy.serve_conn(ours))
    await events.seen(mtglib.EventStart)
    patient = asyncio.create_task(proxy.shutdown(600.0))
    await asyncio.sleep(0)

    assert await proxy.shutdown() == 1
    assert await patient == 1
    await serving

    assert kinds(events) == ["EventStart", "EventFinish"]
    peer.close()


async def test_a_socket_without_address_has_none_and_passes_every_list(events: EventRecorder) -> None:
    class Nobody:
        def contains(self, ip: mtglib.IPAddress) -> bool:
            return False

        async def run(self, update_each_seconds: float) -> None: ...

        async def shutdown(self) -> None: ...

    ours, peer = socket.socketpair()
    peer.close()
    await make(events, ip_allowlist=Nobody()).serve_conn(ours)

    assert [event.remote_ip for event in events.of(mtglib.EventStart)] == [None]
    assert kinds(events) == ["EventStart", "EventFinish"]
    assert ours.fileno() == -1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("192.0.2.7", 1234), "192.0.2.7"),
        (("::ffff:192.0.2.7", 1234, 0, 0), "192.0.2.7"),
        (("fe80::1%lo", 1, 0, 1), "fe80::1"),
    ],
)
async def test_the_client_is_who_the_caller_says(events: EventRecorder, given: Any, told: str) -> None:
    ours, peer = socket.socketpair()
    peer.close()
    await make(events).serve_conn(ours, client_address=given)

    assert [event.remote_ip for event in events.of(mtglib.EventStart)] == [ip_address(told)]


async def test_a_listener_that_breaks_ends_serve_with_its_error(events: EventRecorder) -> None:
    proxy = make(events)
    with socket.socket() as not_listening:
        not_listening.bind(("127.0.0.1", 0))
        with pytest.raises(OSError) as caught:
            await proxy.serve(not_listening)

    assert caught.value.errno == errno.EINVAL
    await proxy.shutdown()


async def test_cancelling_serve_stops_accepting_and_nothing_else(events: EventRecorder, listen: Listen) -> None:
    proxy, listener = make(events), listen()
    serving = await started(proxy, listener)
    with socket.create_connection(listener.getsockname()) as client:
        await events.seen(mtglib.EventStart)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert kinds(events) == ["EventStart"]
        client.settimeout(60)
        await proxy.shutdown()
    assert kinds(events) == ["EventStart", "EventFinish"]


async def test_a_listener_is_served_once_at_a_time(events: EventRecorder, listen: Listen) -> None:
    proxy, listener = make(events), listen()
    serving = await started(proxy, listener)
    with pytest.raises(ProxyUseError, match="already being served"):
        await proxy.serve(listener)
    socket.create_connection(listener.getsockname()).close()
    await events.seen(mtglib.EventFinish)

    serving.cancel()
    await asyncio.wait((serving,))
    again = await started(proxy, listener)
    await proxy.shutdown()
    await again


class Held(Direct):
    """A network that catches cancellations while it dials, until `go`; then it does as told."""

    def __init__(self, end: Callable[[], socket.socket]) -> None:
        super().__init__()
        self.dialled, self.go = asyncio.Event(), asyncio.Event()
        self._end = end

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        self.dialled.set()
        while not self.go.is_set():
            with suppress(asyncio.CancelledError):
                await self.go.wait()
        return self._end()


def refuse() -> socket.socket:
    raise ConnectionRefusedError


@pytest.mark.parametrize("end", [refuse, socket.socket])
@timeless
async def test_who_catches_a_cancellation_is_left_behind_with_a_warning(
    events: EventRecorder, logger: RecordingLogger, end: Callable[[], socket.socket]
) -> None:
    network, (ours, peer) = Held(end), socket.socketpair()
    proxy = make(events, network=network, logger=logger)
    serving = asyncio.create_task(proxy.serve_conn(ours))
    await events.seen(mtglib.EventStart)  # by now it waits for the peer
    peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
    await network.dialled.wait()

    began_mono = asyncio.get_running_loop().time()
    await proxy.shutdown()
    assert asyncio.get_running_loop().time() - began_mono < 1
    await serving
    assert logger.warnings == ["connections abandoned because one of the parts swallows their cancellation: 1"]
    network.go.set()
    (finish,) = await events.seen(mtglib.EventFinish)
    await proxy.shutdown()
    assert (finish.reason, ours.fileno()) == ("shutdown", -1)
    peer.close()


@timeless
async def test_an_engine_that_does_not_end_is_left_behind_with_a_warning(
    events: EventRecorder, logger: RecordingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, closed = asyncio.Event(), asyncio.Event()

    async def close(_: object) -> None:
        await go.wait()
        closed.set()

    monkeypatch.setattr("mtglib.relay.choice.ChosenRelay.close", close)

    began_mono = asyncio.get_running_loop().time()
    await make(events, logger=logger).shutdown()
    assert asyncio.get_running_loop().time() - began_mono < 1

    assert logger.warnings == ["the relay engine was abandoned: its threads don't end"]
    go.set()
    await closed.wait()


async def test_what_the_engine_raises_at_its_end_is_heard(
    events: EventRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def close(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("mtglib.relay.choice.ChosenRelay.close", close)

    with pytest.raises(ZeroDivisionError):
        await make(events).shutdown()


@timeless
async def test_a_call_that_is_cancelled_waits_a_while_for_who_catches_it(events: EventRecorder) -> None:
    network, (ours, peer) = Held(refuse), socket.socketpair()
    serving = asyncio.create_task(make(events, network=network).serve_conn(ours))
    peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
    await network.dialled.wait()

    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    network.go.set()
    await events.seen(mtglib.EventFinish)
    peer.close()


class Binding(RecordingLogger):
    """A logger that counts who is given fields."""

    debug_enabled = True
    bound = 0

    def named(self, name: str) -> Binding:
        return self

    def bind(self, **fields: Any) -> RecordingLogger:
        type(self).bound += 1
        return super().bind(**fields)


@pytest.mark.parametrize("is_enabled", [True, False])
async def test_debugging_costs_no_field_while_it_is_off(events: EventRecorder, is_enabled: bool) -> None:
    (network := Held(refuse)).go.set()
    logger = type("Counting", (Binding,), {"debug_enabled": is_enabled})()
    ours, peer = socket.socketpair()
    peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
    await make(events, network=network, logger=logger).serve_conn(ours)
    peer.close()

    told = [message.level for message in logger.messages]
    assert (told.count("info"), told.count("debug"), logger.bound) == (0, 2 * is_enabled, 2 * is_enabled)


async def test_a_cache_that_answers_nothing_is_broken(events: EventRecorder, logger: RecordingLogger) -> None:
    class Forgetful:
        async def seen_before(self, data: bytes) -> None: ...

    (network := Held(refuse)).go.set()
    proxy = make(events, anti_replay_cache=Forgetful(), network=network, logger=logger)
    ours, peer = socket.socketpair()
    peer.setblocking(False)
    serving = asyncio.create_task(proxy.serve_conn(ours))
    client = FakeTLSClient(peer, SECRET)
    await client.send_hello()
    (fronted,) = await events.seen(mtglib.EventDomainFronting)
    await proxy.shutdown()
    await serving
    client.close()

    assert fronted.reason is mtglib.Reason.REPLAY_CACHE
    assert logger.warnings[0] == "Forgetful.seen_before failed: TypeError"


def test_options_that_change_later_have_no_effect(events: EventRecorder) -> None:
    opts = mtglib.ProxyOpts.with_defaults(SECRET, event_stream=events, domain_fronting_port=443)
    proxy = mtglib.Proxy(opts)
    opts.domain_fronting_port = 8443

    assert proxy.domain_fronting_address == ("front.example", 443)


async def test_a_socket_that_is_closed_already_is_nobodys_error(events: EventRecorder) -> None:
    ours, peer = socket.socketpair()
    ours.close()
    peer.close()

    await make(events).serve_conn(ours)
