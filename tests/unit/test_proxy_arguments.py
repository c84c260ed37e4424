"""What a proxy says to arguments that can't work: at the call, in one line, with nothing begun and nothing stopped."""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
from ipaddress import ip_address
from typing import Any

import pytest

import mtglib
from support.running_proxy import EventRecorder

SECRET = mtglib.Secret(bytes(range(16)), "front.example")
A_TUPLE = "a tuple (ip, port), such as ('192.0.2.1', 50000)"


@pytest.fixture
def events() -> EventRecorder:
    """Where the proxies' events go."""
    return EventRecorder()


def make(events: EventRecorder, **changes: Any) -> mtglib.Proxy:
    return mtglib.Proxy(mtglib.ProxyOpts.with_defaults(SECRET, event_stream=events, relay="pure", **changes))


def in_tls(sock: socket.socket) -> ssl.SSLSocket:
    return ssl.create_default_context().wrap_socket(sock, server_hostname="a.example", do_handshake_on_connect=False)


@pytest.mark.parametrize(
    "opts", [SECRET, SECRET.hex(), None, {}, mtglib.ProxyOpts], ids=lambda opts: type(opts).__name__
)
def test_a_proxy_is_made_of_options_alone(opts: Any) -> None:
    with pytest.raises(mtglib.OptionError) as raised:
        mtglib.Proxy(opts)

    kind = type(opts).__name__
    assert str(raised.value) == f"opts: expected ProxyOpts, such as ProxyOpts.with_defaults(secret), got {kind}"


@pytest.mark.parametrize(
    ("name", "value"), [("network", None), ("concurrency", "x"), ("dial_timeout", -1), ("secret", None), ("logger", 5)]
)
def test_options_that_were_changed_since_they_were_made_are_checked_again(name: str, value: Any) -> None:
    opts = mtglib.ProxyOpts.with_defaults(SECRET)
    setattr(opts, name, value)

    with pytest.raises(mtglib.OptionError) as raised:
        mtglib.Proxy(opts)
    assert raised.value.field == name


@pytest.mark.parametrize("listener", [8443, ("127.0.0.1", 443), None, "0.0.0.0:443"], ids=repr)
async def test_only_a_socket_can_be_served(events: EventRecorder, listener: Any) -> None:
    with pytest.raises(mtglib.OptionError) as raised:
        await make(events).serve(listener)

    kind = type(listener).__name__
    assert str(raised.value) == f"listener: expected a plain, listening socket.socket, got {kind}"


async def test_servers_and_sockets_of_asyncio_cannot_be_served(events: EventRecorder) -> None:
    async with await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0) as server:
        for listener in (server, *server.sockets):
            with pytest.raises(mtglib.OptionError, match=f"got {type(listener).__name__}$"):
                await make(events).serve(listener)  # type: ignore[arg-type]


async def test_a_listener_for_tls_cannot_be_served(events: EventRecorder) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
    with listener, pytest.raises(mtglib.OptionError, match=r"got SSLSocket$"):
        await make(events).serve(listener)


async def test_the_socket_of_an_asyncio_stream_is_refused_and_left_to_it(events: EventRecorder) -> None:
    proxy, raised = make(events), asyncio.get_running_loop().create_future()

    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await proxy.serve_conn(writer.get_extra_info("socket"))
        except mtglib.OptionError as error:
            raised.set_result(error)
        writer.write(b"still here")
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert await reader.read() == b"still here"
        writer.close()

    assert str(await raised) == (
        "sock: expected a plain socket.socket (for anything else, see socket_from_streams), got TransportSocket"
    )
    assert events.events == []


async def test_a_socket_in_tls_is_refused_and_closed(events: EventRecorder) -> None:
    ours, peer = socket.socketpair()
    sock = in_tls(ours)
    with pytest.raises(mtglib.OptionError, match=r"^sock: expected a plain socket\.socket .* got SSLSocket$"):
        await make(events).serve_conn(sock)

    assert sock.fileno() == -1
    with peer:
        assert peer.recv(1) == b"", "nothing was written past TLS"
    assert events.events == []


class Stubborn(socket.socket):
    """A socket that raises when it is closed, and is closed."""

    def close(self) -> None:
        super().close()
        raise ZeroDivisionError


async def test_the_last_event_comes_whatever_closing_raises(events: EventRecorder) -> None:
    ours, peer = socket.socketpair()
    peer.close()
    await make(events).serve_conn(Stubborn(fileno=ours.detach()))

    assert [type(event) for event in events.events] == [mtglib.EventStart, mtglib.EventFinish]


@pytest.mark.parametrize(
    "address",
    [
        *("1.2.3.4:5", "1.2.3.4", ["1.2.3.4", 5], (), ("1.2.3.4",), ("1.2.3.4", 5, 0), ("1.2.3.4", 5, 0, 0)),
        *(("1.2.3.4", "5"), ("1.2.3.4", None), ("1.2.3.4", 70000), ("1.2.3.4", -1), ("1.2.3.4", True)),
        *(("host", 1), (None, 1), (b"1.2.3.4", 1), (16909060, 5), ("", 0), 5),
    ],
    ids=repr,
)
async def test_what_is_no_clients_address_is_refused_and_the_socket_closed(events: EventRecorder, address: Any) -> None:
    ours, peer = socket.socketpair()
    with peer, pytest.raises(mtglib.OptionError) as raised:
        await make(events).serve_conn(ours, client_address=address)

    assert str(raised.value) == f"client_address: expected {A_TUPLE}, got {address!r}"
    assert ours.fileno() == -1
    assert events.events == []


async def test_a_clients_address_may_be_an_object_of_ipaddress(events: EventRecorder) -> None:
    ours, peer = socket.socketpair()
    peer.close()
    await make(events).serve_conn(ours, client_address=(ip_address("::ffff:192.0.2.7"), 5))

    assert [event.remote_ip for event in events.of(mtglib.EventStart)] == [ip_address("192.0.2.7")]


@pytest.mark.parametrize("grace", ["5", None, -1, math.nan, math.inf, True, 10**20], ids=repr)
async def test_a_grace_that_cannot_be_stops_nothing(events: EventRecorder, grace: Any) -> None:
    proxy = make(events)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(proxy.serve(listener))
        await asyncio.sleep(0)
        with pytest.raises(mtglib.OptionError) as raised:
            await proxy.shutdown(grace)
        assert str(raised.value) == f"grace_seconds: expected seconds from 0 to 31536000 (a year), got {grace!r}"

        socket.create_connection(listener.getsockname()).close()
        await events.seen(mtglib.EventFinish)
        await proxy.shutdown()
        await serving
