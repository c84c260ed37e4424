"""A fake DC in a process of its own: it sends, checks or echoes what its clients ask for.

It understands the obfuscated2 frame and stream, but not MTProto, which no proxy looks at.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from benchmarks.peers.errors import RelayError
from benchmarks.peers.obfuscated2 import FRAME_BYTES, Ciphers, accept_leg
from benchmarks.peers.session import PATTERN, accept, tune
from benchmarks.peers.streams import BLOCK_BYTES

# A bulk connection's first payload: what to do, and how many blocks of PATTERN.
REQUEST = ">BQ"
DOWNLOAD, UPLOAD, CONFIRMED_DOWNLOAD = 1, 2, 3
# The receiver's answer at the end of an upload or of a confirmed download: the number of blocks that were right.
ACKNOWLEDGEMENT = ">Q"

_BACKLOG = 4096
_START_TIMEOUT_SECONDS = 30.0
_ECHO_RECV_BYTES = 65_536

Serve = Callable[[socket.socket, Connection], None]


class FakeDC:
    """A running DC as the benchmark sees it."""

    def __init__(self, process: SpawnProcess, port: int, pipe: Connection) -> None:
        """Remember where it listens and where it reports."""
        self._process = process
        self.pid = process.pid or 0
        self.port = port
        self._pipe = pipe

    def check(self) -> None:
        """Raise the first fault that the DC has seen since it started; also if its process has ended."""
        if self._pipe.poll():
            raise RelayError(f"at the DC: {self._pipe.recv()}")
        if not self._process.is_alive():
            raise RelayError("the DC's process has ended")


@contextmanager
def running_dc(serve: Serve, address: tuple[str, int] = ("127.0.0.1", 0)) -> Iterator[FakeDC]:
    """Run a DC in a new process: ``serve_bulk``, ``serve_echo`` or another function that serves a listener.

    Without an address, it listens on a free port of 127.0.0.1.
    """
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_run, args=(serve, address, theirs), daemon=True)
    process.start()
    try:
        if not ours.poll(_START_TIMEOUT_SECONDS):
            raise TimeoutError("the fake DC didn't start")
        yield FakeDC(process, ours.recv(), ours)
    finally:
        process.kill()
        process.join()


def serve_bulk(listener: socket.socket, report: Connection) -> None:
    """Serve downloads and uploads, one thread per connection: most calls are long and release the GIL."""
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=_serve_bulk_connection, args=(sock, report), daemon=True).start()


def serve_echo(listener: socket.socket, report: Connection) -> None:
    """Echo on any number of connections, in one thread."""
    listener.setblocking(False)
    connections: dict[int, _EchoConnection] = {}
    with select.epoll() as poll:
        poll.register(listener, select.EPOLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == listener.fileno():
                    for sock in _accept_all(listener):
                        connections[sock.fileno()] = _EchoConnection(sock)
                        poll.register(sock, select.EPOLLIN)
                elif not connections[descriptor].serve(report):
                    connections.pop(descriptor).close()


class _EchoConnection:
    def __init__(self, sock: socket.socket) -> None:
        tune(sock)
        self._sock = sock
        self._ciphers: Ciphers | None = None
        self._start = b""  # of a frame that arrives in pieces

    def serve(self, report: Connection) -> bool:
        """Echo what has arrived; False when the connection has ended."""
        try:
            received = self._sock.recv(_ECHO_RECV_BYTES)
            if self._ciphers is None and received:
                self._start += received
                if len(self._start) < FRAME_BYTES:
                    return True
                self._ciphers = accept_leg(self._start[:FRAME_BYTES])
                received = self._start[FRAME_BYTES:]
                if not received:
                    return True
            if received and self._ciphers:
                self._sock.sendall(self._ciphers.outgoing.update(self._ciphers.incoming.update(received)))
            return bool(received)
        except ConnectionError:  # the client checks its echoes, and reports this
            return False
        except (RelayError, OSError) as error:
            report.send(str(error))
            return False

    def close(self) -> None:
        self._sock.close()


def _serve_bulk_connection(sock: socket.socket, report: Connection) -> None:
    try:
        session = accept(sock, BLOCK_BYTES)
        if session is None:
            return
        kind, blocks = struct.unpack(REQUEST, session.receive(struct.calcsize(REQUEST)))
        if kind in (DOWNLOAD, CONFIRMED_DOWNLOAD):
            for _ in range(blocks):
                session.send(PATTERN)
            if kind == CONFIRMED_DOWNLOAD:
                session.expect(struct.pack(ACKNOWLEDGEMENT, blocks))
            session.finish_sending()
        elif kind == UPLOAD:
            for _ in range(blocks):
                session.expect(PATTERN)
            session.send(struct.pack(ACKNOWLEDGEMENT, blocks))
        else:
            raise RelayError("the client's request was changed on its way")
        session.expect_end()
    except (RelayError, OSError) as error:
        report.send(str(error))
    finally:
        sock.close()


def _accept_all(listener: socket.socket) -> Iterator[socket.socket]:
    try:
        while True:
            yield listener.accept()[0]
    except BlockingIOError:
        return


def _run(serve: Serve, address: tuple[str, int], report: Connection) -> None:
    with socket.create_server(address, backlog=_BACKLOG) as listener:
        report.send(listener.getsockname()[1])
        serve(listener, report)
