"""Downloads in bursts, like those of a video player: the DC sends 16 KiB every 50 ms on each connection.

Each burst begins with its time of sending, so that the receiver knows how long it was on its way: both processes read
the same monotonic clock.
"""

from __future__ import annotations

import heapq
import select
import socket
import struct
import time
from multiprocessing.connection import Connection

from benchmarks.peers.errors import RelayError
from benchmarks.peers.session import PATTERN, ProxyAddress, Session, accept, connect

BURST_BYTES = 16_384
INTERVAL_SECONDS = 0.05
_BUFFER_BYTES = 2 * BURST_BYTES
_REQUEST = ">Q"  # a connection's first payload: how many bursts
_START = b"start now!"
_SENT_AT = ">Q"  # in ns of the monotonic clock
_STAMP_BYTES = struct.calcsize(_SENT_AT)
_REST = PATTERN[_STAMP_BYTES:BURST_BYTES]
# Connections don't send at the same time: multiples of the golden ratio fill an interval evenly.
_SPREAD = 0.618_033_988_749_895
_STALL_TIMEOUT_SECONDS = 20.0

_open: list[tuple[Session, int]] = []  # between open_paced and receive_paced, which run in the same process


def open_paced(address: ProxyAddress, connections: int, bursts: int) -> None:
    """Open connections on which `bursts` will come, and keep them."""
    request = struct.pack(_REQUEST, bursts)
    _open.extend((connect(address, request, _BUFFER_BYTES), bursts) for _ in range(connections))


def receive_paced() -> list[float]:
    """Start all connections, and check every byte to the end; return the seconds that each burst was on its way."""
    receivers = {session.fileno(): _Receiver(session, bursts) for session, bursts in _open}
    _open.clear()
    delays: list[float] = []
    with select.epoll() as poll:
        for descriptor, receiver in receivers.items():
            poll.register(descriptor, select.EPOLLIN)
            receiver.session.send(_START)
        while receivers:
            ready = poll.poll(_STALL_TIMEOUT_SECONDS)
            if not ready:
                raise RelayError(f"nothing moved for {_STALL_TIMEOUT_SECONDS:g} s")
            for descriptor, _ in ready:
                delays += receivers[descriptor].receive()
                if not receivers[descriptor].bursts_left:
                    poll.unregister(descriptor)
                    receivers.pop(descriptor).end()
    return delays


class _Receiver:
    def __init__(self, session: Session, bursts: int) -> None:
        self.session = session
        self.bursts_left = bursts
        self._received = bytearray()

    def receive(self) -> list[float]:
        """Receive the bytes that have come; return the delays of the bursts that are complete now."""
        self._received += self.session.receive_some()
        delays = []
        while len(self._received) >= BURST_BYTES and self.bursts_left:
            now_ns = time.monotonic_ns()
            (sent_ns,) = struct.unpack_from(_SENT_AT, self._received)
            if self._received[_STAMP_BYTES:BURST_BYTES] != _REST or not 0 <= now_ns - sent_ns < 60e9:
                raise RelayError("a burst was changed on its way")
            delays.append((now_ns - sent_ns) / 1e9)
            del self._received[:BURST_BYTES]
            self.bursts_left -= 1
        return delays

    def end(self) -> None:
        """Wait for the DC's FIN right after the last burst, and close."""
        if self._received:
            raise RelayError("the stream goes on after its end")
        self.session.expect_end()
        self.session.close()


def serve_paced(listener: socket.socket, report: Connection) -> None:
    """Send bursts on any number of connections, in one thread."""
    sessions: dict[int, _Sender] = {}
    due: list[tuple[float, int, _Sender]] = []
    number = 0
    with select.epoll() as poll:
        poll.register(listener, select.EPOLLIN)
        while True:
            for descriptor, _ in poll.poll(max(0.0, due[0][0] - time.monotonic()) if due else None):
                try:
                    if descriptor == listener.fileno():
                        session = accept(listener.accept()[0], _BUFFER_BYTES)
                        if session is not None:
                            sessions[session.fileno()] = _Sender(session)
                            poll.register(session.fileno(), select.EPOLLIN)
                    elif sessions[descriptor].starts():
                        number += 1
                        offset_seconds = number * _SPREAD % 1.0 * INTERVAL_SECONDS
                        heapq.heappush(due, (time.monotonic() + offset_seconds, number, sessions[descriptor]))
                    else:
                        sessions.pop(descriptor).session.close()
                except (RelayError, OSError) as error:
                    report.send(str(error))
                    if descriptor in sessions:
                        sessions.pop(descriptor).session.close()
            now_mono = time.monotonic()
            while due and due[0][0] <= now_mono:
                due_mono, order, sender = heapq.heappop(due)
                try:
                    if sender.send_burst():
                        heapq.heappush(due, (due_mono + INTERVAL_SECONDS, order, sender))
                except OSError as error:
                    report.send(str(error))


class _Sender:
    def __init__(self, session: Session) -> None:
        self.session = session
        self._bursts_left: int
        (self._bursts_left,) = struct.unpack(_REQUEST, session.receive(struct.calcsize(_REQUEST)))
        self._has_started = False

    def starts(self) -> bool:
        """Receive the client's word to start, or later its end; return whether it was the word to start."""
        if self._has_started:
            self.session.expect_end()
            return False
        self.session.expect(_START)
        self._has_started = True
        return True

    def send_burst(self) -> bool:
        """Send a burst; return False if it was the last, which is followed by a FIN."""
        self.session.send(struct.pack(_SENT_AT, time.monotonic_ns()) + _REST)
        self._bursts_left -= 1
        if not self._bursts_left:
            self.session.finish_sending()
        return self._bursts_left > 0
