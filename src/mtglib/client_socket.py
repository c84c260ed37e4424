"""The socket options of a client's socket, set once the client is authenticated.

A visitor's socket keeps the kernel's defaults: the site's own connections have no keep-alive probes and no special
congestion control.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TypeAlias

SocketCalls: TypeAlias = tuple[tuple[int, int, int | bytes], ...]
"""Arguments of `setsockopt`, each."""


def client_socket_calls(*, keep_alive: bool, congestion_control: str | None) -> SocketCalls:
    """Choose the options that change something on this machine, so that no connection pays for others.

    Args:
        keep_alive: Whether idle clients are probed.
        congestion_control: The kernel's name of an algorithm; None leaves it to the kernel.
    """
    calls: list[tuple[int, int, int | bytes]] = []
    if keep_alive:
        calls.append((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
    if congestion_control is not None and _is_there_and_new(congestion_control.encode()):
        calls.append((socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion_control.encode()))
    return tuple(calls)


def apply_calls(sock: socket.socket, calls: SocketCalls) -> None:
    """Make the calls; options that this kind of socket doesn't have are skipped."""
    for call in calls:
        with suppress(OSError):
            sock.setsockopt(*call)


def _is_there_and_new(algorithm: bytes) -> bool:
    """Return whether the kernel has an algorithm, and another one as its default."""
    try:
        with socket.socket() as sock:
            before = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, algorithm)
            return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16) != before
    except OSError:
        return False
