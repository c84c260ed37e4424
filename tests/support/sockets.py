"""Raw non-blocking sockets for the peers: nothing buffers ahead, and endings can be told apart."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

from support.ports import free_port

RECV_BYTES = 256 * 1024
"""How much one read asks for; large, so that bulk tests don't spend their time in system calls."""

Ending = Literal["eof", "reset"]
"""How a peer ended its direction: a FIN, or a RST."""


@dataclass(frozen=True)
class Received:
    """All that came until the peer's direction ended, and how it ended."""

    data: bytes
    ending: Ending


def port_free_on(*hosts: str) -> int:
    """Find a port that is free on several addresses: what is free on one may be taken on another."""
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


async def connect(host: str, port: int, *, receive_buffer_bytes: int | None = None) -> socket.socket:
    """Connect over TCP without Nagle's delay; a small receive buffer makes a slow reader felt early."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
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
    """Send everything; with ``segment_bytes`` as single writes of that size, one loop round apart.

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
    """Read so many bytes, and none beyond; raises EOFError with what came when the peer ends before."""
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
    """Half-close: send a FIN, go on reading."""
    sock.shutdown(socket.SHUT_WR)


def reset(sock: socket.socket) -> None:
    """Close with a RST: what the kernel still holds is thrown away (linger 0). Idempotent."""
    if sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    close(sock)


def close(sock: socket.socket) -> None:
    """Close; idempotent. Who still waits for this socket in another task waits for ever, until cancelled."""
    if sock.fileno() >= 0:
        # A loop that still watches a closed descriptor would mistake the next socket of that number for it.
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock)
        loop.remove_writer(sock)
    sock.close()
