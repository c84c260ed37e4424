"""Raw non-blocking sockets for the peers: nothing reads ahead, and a FIN can be told from a RST."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

from support.ports import free_port

RECV_BYTES = 256 * 1024
"""The most bytes of one read; large, so that bulk tests don't spend their time in system calls."""

Ending = Literal["eof", "reset"]
"""How a peer ended its direction: a FIN, or a RST."""


@dataclass(frozen=True)
class Received:
    """Everything that came until the peer's direction ended, and how it ended."""

    data: bytes
    ending: Ending


class Peer:
    """Has a socket, and the ways to end it."""

    sock: socket.socket

    def send_eof(self) -> None:
        """Half-close: send a FIN, go on reading."""
        send_eof(self.sock)

    def reset(self) -> None:
        """Vanish with a RST. Idempotent."""
        reset(self.sock)

    def close(self) -> None:
        """Close; with unread data in the kernel this is a RST. Idempotent."""
        close(self.sock)


def port_free_on(*hosts: str) -> int:
    """Find a port that is free on all of these addresses."""
    while True:
        port = free_port()
        with ExitStack() as stack:
            try:
                for host in hosts:
                    family = socket.AF_INET6 if ":" in host else socket.AF_INET
                    stack.enter_context(socket.create_server((host, port), family=family))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port


def answer_nobody(stack: ExitStack, host: str, port: int) -> None:
    """Listen on an address that keeps silent when somebody connects, since its backlog is full."""
    address = stack.enter_context(socket.create_server((host, port), backlog=0)).getsockname()
    codes = set[int]()
    while errno.EALREADY not in codes:
        waiting = stack.enter_context(socket.socket(type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
        codes = {waiting.connect_ex(address), waiting.connect_ex(address)}


async def connect(
    host: str,
    port: int,
    *,
    receive_buffer_bytes: int | None = None,
    new_socket: Callable[[int, int], socket.socket] = socket.socket,
) -> socket.socket:
    """Connect over TCP without Nagle's delay; with a small receive buffer, a slow reader is noticed early."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = new_socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        await asyncio.get_running_loop().sock_connect(sock, (host, port))
    except BaseException:
        sock.close()
        raise
    return sock


async def send_all(sock: socket.socket, data: bytes, *, segment_bytes: int | None = None) -> None:
    """Send everything; with ``segment_bytes`` in writes of that size, with a turn of the event loop in between.

    The kernel may still join segments. Raises OSError when the peer is gone.
    """
    loop = asyncio.get_running_loop()
    if segment_bytes is None:
        await loop.sock_sendall(sock, data)
        return
    for start in range(0, len(data), segment_bytes):
        await loop.sock_sendall(sock, data[start : start + segment_bytes])
        await asyncio.sleep(0)


async def recv_exactly(sock: socket.socket, count_bytes: int) -> bytes:
    """Read exactly `count_bytes`; if the peer ends earlier, raises EOFError with the bytes that came."""
    loop = asyncio.get_running_loop()
    got = bytearray()
    while len(got) < count_bytes:
        chunk = await loop.sock_recv(sock, min(RECV_BYTES, count_bytes - len(got)))
        if not chunk:
            raise EOFError(f"ended after {len(got)} of {count_bytes} bytes: {bytes(got[:64])!r}")
        got += chunk
    return bytes(got)


async def recv_until_end(sock: socket.socket) -> Received:
    """Read until the peer's FIN or RST."""
    loop = asyncio.get_running_loop()
    got = bytearray()
    while True:
        try:
            chunk = await loop.sock_recv(sock, RECV_BYTES)
        except (ConnectionResetError, BrokenPipeError):
            return Received(bytes(got), "reset")
        if not chunk:
            return Received(bytes(got), "eof")
        got += chunk


def send_eof(sock: socket.socket) -> None:
    """Half-close: send a FIN, and continue reading."""
    sock.shutdown(socket.SHUT_WR)


def reset(sock: socket.socket) -> None:
    """Close with a RST: unsent bytes in the kernel are discarded (linger 0). Idempotent."""
    if sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    close(sock)


def close(sock: socket.socket) -> None:
    """Close; idempotent. A task that still waits for this socket waits until it is cancelled."""
    if sock.fileno() >= 0:
        # An event loop that still watches a closed descriptor would take the next socket with this number for it.
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock)
        loop.remove_writer(sock)
    sock.close()
