"""The data centre and the fronting site of a flooded proxy: one process, one epoll set, no threads."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Literal, Protocol

from benchmarks.peers.errors import RelayError
from benchmarks.peers.obfuscated2 import FRAME_BYTES, Ciphers, accept_leg

from tools.flood.kinds import SiteMode
from tools.flood.sockets import raise_file_limit

SITE_ANSWER = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
Side = Literal["dc", "site"]

_BACKLOG = 4096
_RECV_BYTES = 65_536
_RESET = struct.pack("ii", 1, 0)
_START_TIMEOUT_SECONDS = 20.0


class _Serves(Protocol):
    def serve(self, events: int) -> int | None:
        """Do what is possible; return the events to wait for, or None when the connection is over."""


class _Echo:
    """A data centre's end of one stream: it echoes everything, and reads no more than it can send."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._ciphers: Ciphers | None = None
        self._received = b""
        self._unsent = b""

    def serve(self, events: int) -> int | None:
        if not self._unsent:
            data = self._sock.recv(_RECV_BYTES)
            if not data:
                return None
            self._unsent = self._answer(data)
        if self._unsent:
            with suppress(BlockingIOError):
                self._unsent = self._unsent[self._sock.send(self._unsent) :]
        return select.EPOLLOUT if self._unsent else select.EPOLLIN

    def _answer(self, data: bytes) -> bytes:
        if self._ciphers is None:
            self._received += data
            if len(self._received) < FRAME_BYTES:
                return b""
            self._ciphers = accept_leg(self._received[:FRAME_BYTES])
            data = self._received[FRAME_BYTES:]
        return self._ciphers.outgoing.update(self._ciphers.incoming.update(data))


class _Site:
    """The site's end of one connection."""

    def __init__(self, sock: socket.socket, mode: SiteMode) -> None:
        self._sock = sock
        self._mode = mode
        self._has_answered = False

    def serve(self, events: int) -> int | None:
        if not self._sock.recv(_RECV_BYTES):
            return None
        if self._mode != "silent" and not self._has_answered:
            self._has_answered = True
            self._sock.send(SITE_ANSWER)
            if self._mode == "closes":
                self._sock.shutdown(socket.SHUT_WR)
        return select.EPOLLIN


class Peers:
    """Their ports on 127.0.0.1, and control of what the site does to new connections."""

    def __init__(self, dc_port: int, site_port: int, pipe: Connection) -> None:
        self.dc_port = dc_port
        self.site_port = site_port
        self._pipe = pipe

    def set_site(self, mode: SiteMode) -> None:
        """Choose the mode; returns when it is set."""
        self._tell(mode)

    def die(self, side: Side) -> None:
        """Reset all its connections and refuse new ones."""
        self._tell(f"die {side}")

    def come_back(self, side: Side) -> None:
        """Listen again, at the same port."""
        self._tell(f"come back {side}")

    def _tell(self, command: str) -> None:
        self._pipe.send(command)
        self._pipe.recv()


@contextmanager
def running_peers() -> Iterator[Peers]:
    """Run both in a new process."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs,), daemon=True)
    process.start()
    try:
        if not ours.poll(_START_TIMEOUT_SECONDS):
            raise TimeoutError("the data centre and the site didn't start")
        dc_port, site_port = ours.recv()
        yield Peers(dc_port, site_port, ours)
    finally:
        process.kill()
        process.join()


def _run(pipe: Connection) -> None:
    raise_file_limit()
    _Serving(pipe).run()


class _Serving:
    """The process itself."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._mode: SiteMode = "silent"
        self._poll = select.epoll()
        self._connections: dict[int, tuple[Side, socket.socket, _Serves]] = {}
        self._listeners: dict[int, tuple[Side, socket.socket]] = {}
        self._ports: dict[Side, int] = {"dc": self._listen("dc", 0), "site": self._listen("site", 0)}
        self._poll.register(pipe, select.EPOLLIN)

    def run(self) -> None:
        self._pipe.send((self._ports["dc"], self._ports["site"]))
        while True:
            for descriptor, events in self._poll.poll():
                if descriptor == self._pipe.fileno():
                    self._obey(self._pipe.recv())
                    self._pipe.send(None)
                elif descriptor in self._listeners:
                    self._accept(*self._listeners[descriptor])
                elif descriptor in self._connections:
                    self._serve(descriptor, events)

    def _listen(self, side: Side, port: int) -> int:
        listener = socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
        listener.setblocking(False)
        self._listeners[listener.fileno()] = (side, listener)
        self._poll.register(listener, select.EPOLLIN)
        return int(listener.getsockname()[1])

    def _obey(self, command: str) -> None:
        sides: tuple[Side, ...] = ("dc", "site")
        modes: tuple[SiteMode, ...] = ("silent", "answers", "closes")
        for side in sides:
            if command == f"die {side}":
                self._die(side)
            elif command == f"come back {side}":
                self._listen(side, self._ports[side])
        for mode in modes:
            if command == mode:
                self._mode = mode

    def _die(self, side: Side) -> None:
        for descriptor, (listening, listener) in list(self._listeners.items()):
            if listening == side:
                del self._listeners[descriptor]
                listener.close()
        for descriptor, (connected, sock, _) in list(self._connections.items()):
            if connected == side:
                del self._connections[descriptor]
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                sock.close()

    def _accept(self, side: Side, listener: socket.socket) -> None:
        for sock in _accepted(listener):
            serves = _Echo(sock) if side == "dc" else _Site(sock, self._mode)
            self._connections[sock.fileno()] = (side, sock, serves)
            self._poll.register(sock, select.EPOLLIN)

    def _serve(self, descriptor: int, events: int) -> None:
        _, sock, peer = self._connections[descriptor]
        wanted: int | None = None
        with suppress(OSError, RelayError):
            wanted = peer.serve(events)
        if wanted is None:
            del self._connections[descriptor]
            sock.close()
        else:
            self._poll.modify(descriptor, wanted)


def _accepted(listener: socket.socket) -> Iterator[socket.socket]:
    with suppress(OSError):
        while True:
            sock, _ = listener.accept()
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield sock
