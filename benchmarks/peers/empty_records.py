"""Senders of records without payload, as fast as they can, and a client that talks beside them."""

from __future__ import annotations

import select
import socket
import time
from termios import TIOCOUTQ

from benchmarks.peers.errors import RelayError
from benchmarks.peers.session import (
    MESSAGE,
    MESSAGE_BUFFER_BYTES,
    ProxyAddress,
    connect,
    connect_socket,
    count_ended,
    open_stream,
    queued_bytes,
)

_EMPTY = b"\x17\x03\x03\x00\x00"
_MANY = _EMPTY * 20_000
_PAUSE_SECONDS = 0.01
_TURN_SECONDS = 0.01

_senders: list[socket.socket] = []  # open between open_senders and close_senders, in the same process


def open_senders(address: ProxyAddress, count: int) -> None:
    """Open `count` streams to a data centre, and keep them."""
    assert address.secret is not None
    for _ in range(count):
        sock = connect_socket(address.port)
        open_stream(sock, address.secret)
        sock.setblocking(False)
        _senders.append(sock)


def send_empty_records(lead_seconds: float, seconds: float) -> int:
    """Send on all streams as fast as the proxy reads; return how many records it took after the lead.

    Raises:
        RelayError: It took nothing from some senders, or has ended some of them.
    """
    sent_bytes = dict.fromkeys(_senders, 0)
    try:
        _send_for(lead_seconds, sent_bytes)  # the kernels' buffers take the first megabytes, even if the proxy doesn't
        before_bytes = _acknowledged_bytes(sent_bytes)
        _send_for(seconds, sent_bytes)
        after_bytes = _acknowledged_bytes(sent_bytes)
    except ConnectionError as error:
        raise RelayError("the proxy has reset a sender of empty records") from error
    taken_bytes = [after - before for before, after in zip(before_bytes, after_bytes, strict=True)]
    stuck, ended = taken_bytes.count(0), count_ended(_senders)
    if stuck or ended:
        raise RelayError(f"{stuck} of {len(_senders)} senders of empty records were stuck, {ended} were ended")
    return sum(taken_bytes) // len(_EMPTY)


def _send_for(seconds: float, sent_bytes: dict[socket.socket, int]) -> None:
    end_mono = time.monotonic() + seconds
    by_descriptor = {sock.fileno(): sock for sock in sent_bytes}
    with select.epoll() as poll:
        for descriptor in by_descriptor:
            poll.register(descriptor, select.EPOLLOUT)
        while time.monotonic() < end_mono:
            for descriptor, _ in poll.poll(_TURN_SECONDS):
                sock = by_descriptor[descriptor]
                begun = sent_bytes[sock] % len(_EMPTY)  # the bytes already sent of a record; the rest comes next
                sent_bytes[sock] += sock.send(memoryview(_MANY)[begun:])


def _acknowledged_bytes(sent_bytes: dict[socket.socket, int]) -> list[int]:
    return [count - queued_bytes(sock, TIOCOUTQ) for sock, count in sent_bytes.items()]


def close_senders() -> None:
    """Close all streams."""
    while _senders:
        _senders.pop().close()


def timed_round_trips(address: ProxyAddress, seconds: float) -> list[float]:
    """Send a message and wait for its echo, again and again with pauses of 10 ms; return the seconds that each took."""
    taken: list[float] = []
    session = connect(address, MESSAGE, MESSAGE_BUFFER_BYTES)
    session.expect(MESSAGE)
    end_mono = time.monotonic() + seconds
    while (start_mono := time.monotonic()) < end_mono:
        session.send(MESSAGE)
        session.expect(MESSAGE)
        taken.append(time.monotonic() - start_mono)
        time.sleep(_PAUSE_SECONDS)
    session.close()
    return taken
