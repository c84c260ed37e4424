"""The data centre and the fronting site of a flooded proxy: one process, one epoll set, no thread a connection."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Protocol

from benchmarks.peers.errors import RelayError
from benchmarks.peers.obfuscated2 import FRAME_BYTES, Ciphers, accept_leg

from tools.flood.kinds import SiteMode
from tools.flood.sockets import raise_file_limit

SITE_ANSWER = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
_BACKLOG = 4096
_RECV_BYTES = 65_536
_START_TIMEOUT_SECONDS = 20.0


class _Serves(Protocol):
    def serve(self, events: int) -> int | None:
        """Do what is possible; returns the events to wait for, None when the connection is over."""


class _Echo:
    """A data centre's end of one stream, which sends everything back and reads no more than it can send."""

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
    """Ports on 127.0.0.1, and a way to say what the site does to connections that come from now on."""

    def __init__(self, dc_port: int, site_port: int, pipe: Connection) -> None:
        self.dc_port = dc_port
        self.site_port = site_port
        self._pipe = pipe

    def set_site(self, mode: SiteMode) -> None:
        """Choose; returns when it is so."""
        self._pipe.send(mode)
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
    mode: SiteMode = "silent"
    poll = select.epoll()
    connections: dict[int, tuple[socket.socket, _Serves]] = {}
    listeners: dict[int, socket.socket] = {}
    for _ in range(2):
        listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        listener.setblocking(False)
        listeners[listener.fileno()] = listener
        poll.register(listener, select.EPOLLIN)
    dc, site = listeners.values()
    poll.register(pipe, select.EPOLLIN)
    pipe.send((dc.getsockname()[1], site.getsockname()[1]))
    while True:
        for descriptor, events in poll.poll():
            if descriptor == pipe.fileno():
                mode = pipe.recv()
                pipe.send(None)
            elif descriptor in listeners:
                for sock in _accepted(listeners[descriptor]):
                    serves = _Echo(sock) if descriptor == dc.fileno() else _Site(sock, mode)
                    connections[sock.fileno()] = (sock, serves)
                    poll.register(sock, select.EPOLLIN)
            else:
                sock, peer = connections[descriptor]
                wanted: int | None = None
                with suppress(OSError, RelayError):
                    wanted = peer.serve(events)
                if wanted is None:
                    del connections[descriptor]
                    sock.close()
                else:
                    poll.modify(descriptor, wanted)


def _accepted(listener: socket.socket) -> Iterator[socket.socket]:
    with suppress(OSError):
        while True:
            sock, _ = listener.accept()
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield sock
