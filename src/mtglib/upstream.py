"""Connecting to one address of an upstream: a DC or the fronting site."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from .errors import UpstreamError
from .ground.deadlines import LATE_SECONDS, within
from .ground.guarded_logger import Warnings
from .interfaces import Network
from .tunnel import PLAIN_SOCKET, is_plain_socket

_LATE_SECONDS = 2 * LATE_SECONDS


async def dial(
    network: Network,
    host: str,
    port: int,
    timeout_seconds: float,
    warnings: Warnings,
    on_waiting: Callable[[asyncio.Timeout], None] | None = None,
) -> socket.socket:
    """Dial one address with a network that may be a user's; the dial is cancelled if it exceeds its time-out.

    Args:
        network: Dials.
        host: A name or an IP address.
        port: Its port.
        timeout_seconds: The time-out for the network.
        warnings: Gets reports about a misbehaving network.
        on_waiting: See `within`.

    Raises:
        OSError, TimeoutError: It can't be reached.
        UpstreamError: The network misbehaved: it raised another exception, or didn't return a plain socket.
    """
    try:
        dialling = network.dial(host, port, timeout_seconds=timeout_seconds)
        sock = await within(timeout_seconds, dialling, on_waiting, late_seconds=_LATE_SECONDS)
        if not is_plain_socket(sock):
            if isinstance(sock, socket.socket):
                sock.close()
            raise TypeError(f"expected {PLAIN_SOCKET}, got {type(sock).__name__}")
        if sock.fileno() < 0:
            raise ValueError("expected a connected socket.socket, got a closed one")
        _check_connected(sock)
    except OSError:
        raise
    except Exception as error:
        warnings.part_failed(network, "dial", error)
        raise UpstreamError(f"{type(network).__name__}.dial failed: {type(error).__name__}") from error
    if sock.gettimeout() != 0:
        sock.setblocking(False)
    return sock


def _check_connected(sock: socket.socket) -> None:
    try:
        sock.getpeername()
    except OSError as error:
        if error.errno == errno.ENOTCONN:  # never connected, or reset by the peer
            sock.close()
            raise OSError(error.errno, "the network's socket isn't connected") from error
