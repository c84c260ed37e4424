"""A proxy between clients, a data centre and a fronting site, with everything that it says recorded."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import mtglib
from integration.event_rules import check_events
from integration.recording_logger import RecordingLogger
from support import sockets
from support.eventually import eventually
from support.fake_dc import FakeDC, Handler, echo
from support.faketls_client import ClientOptions, FakeTLSClient
from support.front import RecordingFront, Script, listen_only
from support.running_proxy import EventRecorder
from support.tcp_server import TCPServer

HOST = "front.example"


@dataclass
class Stage:
    """A running proxy and all around it. Clients that it made are closed with it."""

    proxy: mtglib.Proxy
    secret: mtglib.Secret
    listener: socket.socket
    dc: FakeDC
    site: TCPServer
    events: EventRecorder
    log: RecordingLogger
    peers: AsyncExitStack = field(repr=False)

    @property
    def port(self) -> int:
        """Where the proxy listens, on 127.0.0.1 unless the test chose another listener."""
        port: int = self.listener.getsockname()[1]
        return port

    @property
    def front(self) -> RecordingFront:
        """The fronting site, unless the test brought another one."""
        assert isinstance(self.site, RecordingFront)
        return self.site

    async def client(self, dc: int = 2, *, secret: mtglib.Secret | None = None, **options: Any) -> FakeTLSClient:
        """Connect a client of ours and do the whole handshake; ``options`` are ClientOptions' attributes."""
        given = ClientOptions(**options)
        client = await FakeTLSClient.connect("127.0.0.1", self.port, secret or self.secret, dc, given)
        return await self.peers.enter_async_context(client)

    async def client_before_hello(self, dc: int = 2, **options: Any) -> FakeTLSClient:
        """Connect a client that has sent nothing yet."""
        sock = await self.stranger()
        return FakeTLSClient(sock, self.secret, dc, ClientOptions(**options))

    async def stranger(self, data: bytes = b"", *, receive_buffer_bytes: int | None = None) -> socket.socket:
        """Connect without any protocol, and send this."""
        sock = await sockets.connect("127.0.0.1", self.port, receive_buffer_bytes=receive_buffer_bytes)
        self.peers.callback(sockets.close, sock)
        await sockets.send_all(sock, data)
        return sock

    async def probe(self, data: bytes, *, then_eof: bool = False) -> sockets.Received:
        """Send this over a fresh connection; return what came back until the end, and which end that was."""
        sock = await self.stranger(data)
        if then_eof:
            sockets.send_eof(sock)
        received = await sockets.recv_until_end(sock)
        sockets.close(sock)
        return received

    async def finished(self, count: int = 1) -> list[mtglib.Event]:
        """Wait until so many streams are over; return all events so far."""
        await self.events.seen(mtglib.EventFinish, count)
        return self.events.events

    async def reason(self, index: int = 0) -> str:
        """Wait until that many relays and one are over; return why the last of them is."""
        await eventually(lambda: len(self.log.finished()) > index)
        return str(self.log.finished()[index].fields["reason"])


@asynccontextmanager
async def stage(
    relay: str,
    *,
    handler: Handler = echo,
    dcs: Sequence[int] = (2,),
    script: Script = listen_only,
    site: TCPServer | None = None,
    listener: socket.socket | None = None,
    warnings: bool = False,
    secret: mtglib.Secret | None = None,
    limit_seconds: float = 30.0,
    **changes: Any,
) -> AsyncIterator[Stage]:
    """Set everything up; afterwards shut down, and check what must be true after any run.

    That is: events in order, no descriptor left open, no task that failed unseen, no secret in the log, and no
    warning unless ``warnings``. All numbers of ``dcs`` lead to the one DC. ``changes`` are ProxyOpts' attributes.
    After ``limit_seconds`` it is a TimeoutError.
    """
    fds_before = open_fds()
    async with asyncio.timeout(limit_seconds), AsyncExitStack() as stack:
        unhandled = _watch_the_loop()
        dc = await stack.enter_async_context(FakeDC(handler))
        site = await stack.enter_async_context(site or RecordingFront(script))
        listener = stack.enter_context(listener or socket.create_server(("127.0.0.1", 0), backlog=4096))
        events, log = EventRecorder(), RecordingLogger()
        users: mtglib.Users | None = changes.get("users")
        secret = secret or (next(iter(users)).secret if users else mtglib.Secret.generate(HOST))
        settings: dict[str, Any] = {
            "event_stream": events,
            "logger": log,
            "relay": relay,
            "domain_fronting_ip": "127.0.0.1",
            "domain_fronting_port": site.port,
            "dc_overrides": {number: [dc.address] for number in dcs},
            "front_learning": None,
        }
        options = mtglib.ProxyOpts.with_defaults(secret if users is None else None, **(settings | changes))
        async with _serving(mtglib.Proxy(options), listener) as proxy, AsyncExitStack() as peers:
            yield Stage(proxy, secret, listener, dc, site, events, log, peers)
    check_events(events.events)
    if not {"logger", "event_stream"} & changes.keys():
        check_one_line_each(events, log)
    assert warnings or not log.warnings, log.everything()
    assert secret.hex() not in log.everything()
    assert secret.key.hex() not in log.everything()
    assert unhandled == []
    await check_fds(fds_before)


def check_one_line_each(events: EventRecorder, log: RecordingLogger) -> None:
    """Check that every stream has exactly one line about its end: a client's at info, a visitor's at debug."""
    ends = [message for message in log.messages if message.text.startswith(("finished", "closed"))]
    told = [message.fields["stream_id"] for message in ends]
    assert sorted(told) == sorted(event.stream_id for event in events.of(mtglib.EventStart)), log.everything()
    fronted = {event.stream_id for event in events.of(mtglib.EventDomainFronting)}
    connected = {event.stream_id for event in events.of(mtglib.EventConnectedToDC)}
    assert not [end for end in ends if end.fields["stream_id"] in fronted and end.level != "debug"]
    assert not [end for end in ends if end.fields["stream_id"] in connected and end.level != "info"]


@asynccontextmanager
async def _serving(proxy: mtglib.Proxy, listener: socket.socket) -> AsyncIterator[mtglib.Proxy]:
    serving = asyncio.create_task(proxy.serve(listener), name="test-proxy")
    await asyncio.sleep(0)  # a proxy that is shut down before it serves would say so
    try:
        yield proxy
    finally:
        await proxy.shutdown()
        await serving


def _watch_the_loop() -> list[dict[str, Any]]:
    """Collect what the loop would only log: errors of callbacks, and of tasks that nobody awaits."""
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unhandled.append(context))
    return unhandled


def open_fds() -> set[str]:
    """The descriptors of this process, and what they are."""
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # that of the listing itself
            found.add(f"{fd} {os.readlink(f'/proc/self/fd/{fd}')}")
    return {name for name in found if not name.endswith("/dev/null")}  # uvloop's reserve, opened when first needed


async def check_fds(before: set[str]) -> None:
    """Check that all that was opened is closed, as soon as tasks that end by themselves are over."""
    if open_fds() - before:
        gc.collect()  # the engine's own descriptors may wait for it
        with suppress(TimeoutError):
            await eventually(lambda: not open_fds() - before, 2.0)
    assert open_fds() - before == set()


async def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection of our own: the one that connected, the one that was accepted."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = await sockets.connect("127.0.0.1", listener.getsockname()[1])
        theirs, _ = listener.accept()
    theirs.setblocking(False)
    return ours, theirs
