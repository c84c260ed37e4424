"""What a stream needs around it, and no more: a network of socket pairs, the pure relay, and everything recorded."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from typing import Any

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.client_socket import ClientSocketOptions
from mtglib.conn import Conn
from mtglib.dc_dialler import DCDialler
from mtglib.fine_clock import FineClock
from mtglib.front.dial import Front
from mtglib.front.fronts import Fronts
from mtglib.generation import Generation, Handshakes
from mtglib.ground.endpoints import Endpoint
from mtglib.ground.guarded_logger import GuardedLogger, Warnings
from mtglib.key_search import KeySearch
from mtglib.keyshare import KeyShares
from mtglib.noop import NoopIPBlocklist
from mtglib.readiness import Readiness
from mtglib.relay.job import Job, RelayResult
from mtglib.relay.pure import PureRelay
from mtglib.roster import Entry, Roster
from mtglib.shared import Shared
from mtglib.stream import Stream
from mtglib.user_parts import Emitter
from mtglib.users import DEFAULT_USER, User, Users
from mtglib.users.candidates import Candidates
from mtglib.users.limiter import UserLimiter
from mtglib.visitor import Visitor
from mtglib.visitor_log import VisitorLog
from support import sockets
from support.fake_dc import DCConnection
from support.faketls_client import ClientOptions, FakeTLSClient
from support.obfuscated2 import FRAME_BYTES, read_frame
from support.running_proxy import EventRecorder

SITE = "front.example"
SECRET = mtglib.Secret(bytes(range(16)), SITE)
DC_IP = "192.0.2.4"
DC = 4
CLIENT_IP = "198.51.100.7"


class PairNetwork:
    """A network each of whose connections is a socket pair, of which the test has the far end.

    Attributes:
        dialled: Whom it was asked for.
        error: Raised by each dial, if there is one.
        may_connect: What a dial waits for.
    """

    def __init__(self) -> None:
        self.dialled: list[str] = []
        self.error: Exception | None = None
        self.may_connect = asyncio.Event()
        self.may_connect.set()
        self.cancelled = 0
        self._far: asyncio.Queue[socket.socket] = asyncio.Queue()
        self._made: list[socket.socket] = []

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        self.dialled.append(host)
        try:
            await self.may_connect.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        near, far = await self.connect()
        self._far.put_nowait(far)
        self._made.append(far)
        return near

    async def connect(self) -> tuple[socket.socket, socket.socket]:
        """Make a connection; return its near end and its far end."""
        return nonblocking_pair()

    def http_client(self, dial: Any = None) -> AbstractAsyncContextManager[Any]:
        raise NotImplementedError

    async def far_end(self) -> socket.socket:
        """Wait for the next connection; return its far end."""
        return await self._far.get()

    def close(self) -> None:
        """Close all far ends."""
        for far in self._made:
            sockets.close(far)


class Memory:
    """An anti-replay cache."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    async def seen_before(self, data: bytes) -> bool:
        is_known = data in self._seen
        self._seen.add(data)
        return is_known


def nonblocking_pair() -> tuple[socket.socket, socket.socket]:
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    return near, far


@dataclass
class Visit:
    """A stream that runs.

    Attributes:
        peer: The visitor's end of the connection.
        own: The proxy's.
        entry: What the roster has of it.
        running: Its task.
    """

    peer: socket.socket
    own: socket.socket
    entry: Entry
    running: asyncio.Task[None]


async def over(visit: Visit) -> None:
    """Wait until a stream is over, and see that nothing of it is open."""
    await asyncio.wait([visit.running])
    assert visit.own.fileno() == -1
    assert visit.entry.is_over


class KeepingRelay:
    """A relay that keeps what it is given, and ends each job with what the test says."""

    def __init__(self, end: Callable[[], RelayResult] = lambda: RelayResult(0, 0, mtglib.Reason.IDLE)) -> None:
        self.jobs: list[Job] = []
        self.asked: list[tuple[int, int]] = []
        self._end = end

    async def run(self, job: Job, _on_traffic: Any) -> RelayResult:
        self.jobs.append(job)
        self.asked.append(
            (
                job.client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                job.upstream.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            )
        )
        job.client.close()
        job.upstream.close()
        return self._end()

    def report(self) -> None:
        return None

    async def close(self) -> None:
        return None


@dataclass
class Surroundings:
    """All that streams get, and the far ends of whatever they do."""

    shared: Shared
    generation: Generation
    network: PairNetwork
    events: EventRecorder
    log: RecordingLogger
    _open: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        networks = (self.network, self.generation.opts.front_network)
        self._networks = [network for network in networks if isinstance(network, PairNetwork)]

    def connection(self) -> tuple[Conn, socket.socket]:
        """Make a connection; return the proxy's end and the peer's."""
        own, peer = self._pair()
        return Conn(own, self.shared.readiness), peer

    def visit(self, *, begin: bool = True) -> Visit:
        """Let a stream run; `begin` False leaves its first step to the test."""
        own, peer = self._pair()
        stream = Stream(self.shared, self.generation, Conn(own, self.shared.readiness), visitor())
        self.shared.roster.add(stream.entry)
        running = asyncio.get_running_loop().create_task(stream.run())
        stream.entry.task = running
        return Visit(peer, own, stream.entry, running)

    def client(self, visit: Visit, dc: int = DC, **options: Any) -> FakeTLSClient:
        """A client of ours at the other end, which has sent nothing yet."""
        return FakeTLSClient(visit.peer, SECRET, dc, ClientOptions(**options))

    async def far_end(self) -> socket.socket:
        """Wait for what is dialled next; return its far end."""
        return await self.network.far_end()

    async def data_centre(self) -> DCConnection:
        """Wait for a connection to a DC, and read its frame."""
        far = await self.far_end()
        return DCConnection(far, read_frame(await sockets.recv_exactly(far, FRAME_BYTES)))

    def reasons(self) -> list[str]:
        """Why streams are over, in the order in which they ended."""
        return [event.reason for event in self.events.of(mtglib.EventFinish)]

    def fronted_for(self) -> list[str]:
        """Why visitors got the site."""
        return [event.reason for event in self.events.of(mtglib.EventDomainFronting)]

    def _pair(self) -> tuple[socket.socket, socket.socket]:
        own, peer = nonblocking_pair()
        self.close_later(own, peer)
        return own, peer

    def close_later(self, *socks: socket.socket) -> None:
        """Have these closed with the rest."""
        self._open += socks

    def close(self) -> None:
        """Close what the test had."""
        for sock in self._open:
            sockets.close(sock)
        for network in self._networks:
            network.close()


def visitor(ip: str | None = CLIENT_IP) -> Visitor:
    """Somebody who comes from there."""
    return Visitor(None if ip is None else Endpoint(ip_address(ip), 50_000), None)


def options(**changes: Any) -> mtglib.ProxyOpts:
    """Make options whose parts do nothing, but for those among `changes`, and one DC."""
    parts: dict[str, Any] = {
        "secret": SECRET,
        "network": PairNetwork(),
        "anti_replay_cache": Memory(),
        "ip_blocklist": NoopIPBlocklist(),
        "event_stream": EventRecorder(),
        "logger": RecordingLogger(),
        "dc_overrides": {DC: [f"{DC_IP}:443"]},
        "front_learning": None,
    }
    return mtglib.ProxyOpts(**(parts | changes))


NO_SOCKET_OPTIONS = ClientSocketOptions.of(keep_alive=False, congestion_control=None)


@asynccontextmanager
async def surroundings(
    *,
    relay: Any = None,
    socket_options: ClientSocketOptions = NO_SOCKET_OPTIONS,
    fine_clock: FineClock | None = None,
    **changes: Any,
) -> AsyncIterator[Surroundings]:
    """Set everything up; afterwards see that no stream runs any more. `changes` are ProxyOpts' attributes."""
    fds_before = len(os.listdir("/proc/self/fd"))
    network, events, log = PairNetwork(), EventRecorder(), RecordingLogger()
    opts = options(**({"network": network, "event_stream": events, "logger": log} | changes))
    logger = GuardedLogger(log)
    warnings = Warnings(logger)
    relay = relay or PureRelay()
    fine_clock = fine_clock or FineClock()
    shared = Shared(
        relay=relay,
        readiness=Readiness(),
        key_shares=KeyShares(),
        now_unix=opts.clock,
        fine_clock=fine_clock,
        roster=(roster := Roster(100, 50, 50)),
        limiter=UserLimiter(lambda: roster.entries, opts.clock, opts.max_user_connections, check_seconds=None),
        visitor_log=VisitorLog(logger),
        events=Emitter(events, warnings),
        logger=logger,
        warnings=warnings,
    )
    candidates = Candidates(opts.users or Users([User(DEFAULT_USER, SECRET)]))
    generation = Generation(
        opts=opts,
        dcs=opts.dc_table(),
        dc_dialler=DCDialler(opts.network, opts.dial_timeout, warnings),
        keys=KeySearch(candidates),
        client_socket_options=socket_options,
        fronts=Fronts(
            opts.default_host,
            candidates,
            partial(
                Front,
                opts=opts,
                pages=[],
                listeners=[],
                refresh=relay.report,
                warnings=warnings,
                key_shares=KeyShares(),
                clock=fine_clock,
            ),
        ),
        handshakes=Handshakes(),
    )
    around = Surroundings(shared, generation, network, events, log)
    del generation, opts  # a test may want to know what else keeps them
    try:
        yield around
    finally:
        left = [entry.task for entry in shared.roster.entries if entry.task is not None]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        around.close()
        shared.visitor_log.close()
        await relay.close()
        shared.readiness.close()
        fine_clock.close()
    assert len(os.listdir("/proc/self/fd")) == fds_before, "a descriptor is left open"
