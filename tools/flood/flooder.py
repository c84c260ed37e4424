"""The process that floods: any number of connections in one epoll set, opened at a limited rate."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from multiprocessing import get_context
from multiprocessing.connection import Connection

from benchmarks.peers.faketls import Secret

from tools.flood.kinds import KINDS, Kind
from tools.flood.sockets import raise_file_limit

_RESET = struct.pack("ii", 1, 0)
_SMALL_BUFFER_BYTES = 4096
_TURN_SECONDS = 0.005
_MOST_OPENED_A_TURN = 200
_MOST_OPEN = 18_000
_RECV_BYTES = 65_536
_STOP_TIMEOUT_SECONDS = 20.0
_IP_BIND_ADDRESS_NO_PORT = 24  # linux/in.h: the port is chosen at connect, so that all ports can be used for each peer


@dataclass(frozen=True)
class Plan:
    """A flood.

    Attributes:
        kind: A key of `KINDS`.
        target: The proxy's port on 127.0.0.1, or the path of its Unix socket.
        secret: The proxy's.
        sources: Addresses to come from, in turn; none for a Unix socket.
        hold: The most connections that are open at once, not counting those that the site has ended. A new one replaces
            each that is over.
        fill_a_second: How many connections are opened per second until `hold` were opened.
        then_a_second: How many per second from then on.
    """

    kind: str
    target: int | str
    secret: Secret
    sources: tuple[str, ...]
    hold: int
    fill_a_second: float
    then_a_second: float


@dataclass(frozen=True)
class Progress:
    """How far a flood is."""

    opened: int
    open_now: int
    is_filled: bool


class Flooder:
    """The flooding process as its parent sees it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def progress(self) -> Progress:
        """Return how far it is."""
        return self._ask("progress")

    def hold_still(self) -> Progress:
        """Make it stop opening, resetting and sending; open connections stay open."""
        return self._ask("hold still")

    def close_all(self) -> Progress:
        """Make it reset all open connections, and open no more."""
        return self._ask("close all")

    def _ask(self, what: str) -> Progress:
        self._pipe.send(what)
        if not self._pipe.poll(_STOP_TIMEOUT_SECONDS):
            raise TimeoutError("the flooding process doesn't answer")
        progress: Progress = self._pipe.recv()
        return progress


@contextmanager
def flooding(plan: Plan) -> Iterator[Flooder]:
    """Flood for the length of the context."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(plan, theirs), daemon=True)
    process.start()
    try:
        yield Flooder(ours)
    finally:
        process.kill()
        process.join()


def _run(plan: Plan, pipe: Connection) -> None:
    raise_file_limit()
    with suppress(EOFError, BrokenPipeError):
        _Flood(plan, pipe).run()


class _Flood:
    def __init__(self, plan: Plan, pipe: Connection) -> None:
        self._plan = plan
        self._pipe = pipe
        self._kind: Kind = KINDS[plan.kind]
        self._sources = cycle(plan.sources or ("",))
        self._poll = select.epoll()
        self._open: dict[int, socket.socket] = {}
        self._sent: dict[int, int] = {}  # of those that have begun: the position in the repeated bytes
        self._half_open: set[int] = set()
        self._answered: set[int] = set()
        self._opened = 0
        self._is_filled = False
        self._is_still = False

    def run(self) -> None:
        self._poll.register(self._pipe, select.EPOLLIN)
        last_mono, credit = time.monotonic(), 0.0
        while True:
            for descriptor, events in self._poll.poll(_TURN_SECONDS):
                if descriptor == self._pipe.fileno():
                    self._obey(self._pipe.recv())
                elif descriptor in self._open:
                    self._serve(descriptor, events)
            now_mono = time.monotonic()
            rate = self._plan.then_a_second if self._is_filled else self._plan.fill_a_second
            # Connections that couldn't be opened in time aren't made up for: the rate is a limit.
            credit = min(credit + (now_mono - last_mono) * rate, max(1.0, rate / 10))
            last_mono = now_mono
            turn_left = _MOST_OPENED_A_TURN
            while credit >= 1 and turn_left and not self._is_still:
                credit, turn_left = credit - 1, turn_left - 1
                self._open_one()

    def _obey(self, command: str) -> None:
        if command != "progress":
            self._is_still = True
            for descriptor in self._open:
                self._poll.modify(descriptor, self._events())
        if command == "close all":
            for sock in list(self._open.values()):
                self._drop(sock)
        self._pipe.send(Progress(self._opened, len(self._open), self._is_filled))

    def _open_one(self) -> None:
        plan = self._plan
        # After the site's end of a connection we can't see when the proxy ends it, so those don't count.
        if len(self._open) - len(self._half_open) >= plan.hold or len(self._open) >= _MOST_OPEN:
            return
        sock = socket.socket(socket.AF_UNIX if isinstance(plan.target, str) else socket.AF_INET)
        sock.setblocking(False)
        if not self._kind.reads:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER_BYTES)
        try:
            if isinstance(plan.target, str):
                sock.connect(plan.target)
            else:
                sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
                sock.bind((next(self._sources), 0))
                sock.connect(("127.0.0.1", plan.target))
        except BlockingIOError:  # in progress; with a Unix socket, the queue is full
            if isinstance(plan.target, str):
                sock.close()
                return
        except OSError:  # refused, or no port is left
            sock.close()
            return
        self._opened += 1
        self._is_filled = self._is_filled or self._opened >= plan.hold
        self._open[sock.fileno()] = sock
        self._poll.register(sock, self._events(is_new=True))

    def _events(self, *, is_new: bool = False) -> int:
        events = 0 if self._kind.keeps_half_open else select.EPOLLRDHUP
        if self._kind.reads:
            events |= select.EPOLLIN
        if is_new or (self._kind.repeated and not self._is_still):
            events |= select.EPOLLOUT
        return events

    def _serve(self, descriptor: int, events: int) -> None:
        sock = self._open[descriptor]
        try:
            if events & (select.EPOLLERR | select.EPOLLHUP):
                self._drop(sock)
                return
            if events & select.EPOLLOUT and not self._write(sock):
                return
            if events & select.EPOLLRDHUP:
                self._drop(sock)
            elif events & select.EPOLLIN:
                self._read(sock)
        except BlockingIOError:
            pass
        except OSError:
            self._drop(sock)

    def _read(self, sock: socket.socket) -> None:
        descriptor = sock.fileno()
        if sock.recv(_RECV_BYTES):
            self._answered.add(descriptor)
        elif descriptor in self._answered:
            self._half_open.add(descriptor)
            self._poll.modify(descriptor, 0)
        else:
            self._drop(sock)  # turned away: a site wouldn't end a connection without an answer

    def _write(self, sock: socket.socket) -> bool:
        """Send the next bytes; return False if that ends the connection."""
        descriptor = sock.fileno()
        if (sent := self._sent.get(descriptor)) is not None:
            repeated = self._kind.repeated
            self._sent[descriptor] = (sent + sock.send(memoryview(repeated)[sent:])) % len(repeated)
            return True
        self._sent[descriptor] = 0
        if first := self._kind.first(self._plan.secret):
            sock.send(first)
        if self._kind.resets:
            self._drop(sock)
            return False
        self._poll.modify(descriptor, self._events())
        return True

    def _drop(self, sock: socket.socket) -> None:
        descriptor = sock.fileno()
        if descriptor < 0:
            return
        del self._open[descriptor]
        self._sent.pop(descriptor, None)
        self._answered.discard(descriptor)
        self._half_open.discard(descriptor)
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        sock.close()
