"""Holders of the secret who send records without payload as fast as they can, and a client who talks beside them."""

from __future__ import annotations

import select
import socket
import time

from benchmarks.peers.faketls import CHANGE_CIPHER_SPEC, shake_hands
from benchmarks.peers.obfuscated2 import open_leg
from benchmarks.peers.session import MESSAGE, MESSAGE_BUFFER_BYTES, ProxyAddress, connect, connect_socket

_EMPTY = b"\x17\x03\x03\x00\x00"
_MANY = _EMPTY * 20_000
_PAUSE_SECONDS = 0.01
_TURN_SECONDS = 0.01

_senders: list[socket.socket] = []  # open between open_senders and close_senders, in the same process


def open_senders(address: ProxyAddress, count: int) -> None:
    """Open so many streams to a data centre, and keep them."""
    assert address.secret is not None
    for _ in range(count):
        sock = connect_socket(address.port)
        shake_hands(sock, address.secret)
        frame, _ = open_leg(address.secret.key)
        sock.sendall(CHANGE_CIPHER_SPEC + _EMPTY[:3] + len(frame).to_bytes(2, "big") + frame)
        sock.setblocking(False)
        _senders.append(sock)


def send_empty_records(seconds: float) -> int:
    """Send on all of them whatever they take, for so long; returns how many records they took."""
    end_mono, sent_bytes = time.monotonic() + seconds, dict.fromkeys((sock.fileno() for sock in _senders), 0)
    by_descriptor = {sock.fileno(): sock for sock in _senders}
    with select.epoll() as poll:
        for descriptor in by_descriptor:
            poll.register(descriptor, select.EPOLLOUT)
        while time.monotonic() < end_mono:
            for descriptor, _ in poll.poll(_TURN_SECONDS):
                begun = sent_bytes[descriptor] % len(_EMPTY)  # how much of a record is sent: it has to be gone on with
                sent_bytes[descriptor] += by_descriptor[descriptor].send(memoryview(_MANY)[begun:])
    return sum(sent_bytes.values()) // len(_EMPTY)


def close_senders() -> None:
    """Close all."""
    while _senders:
        _senders.pop().close()


def timed_round_trips(address: ProxyAddress, seconds: float) -> list[float]:
    """Send a message and wait for its echo, 10 ms later again, for so long; returns how many seconds each took."""
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
