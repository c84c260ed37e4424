"""Connecting to what is behind us: a DC, or the fronting site."""

import asyncio
import errno
import socket

from .dc import DCAddress, DCChoice
from .errors import UpstreamError
from .guards import Warnings, within
from .interfaces import Network
from .plain_socket import PLAIN_SOCKET, is_plain_socket

_LATE_SECONDS = 0.1
"""How much later we give up than the network was told to: its own error says what was going on, ours only how long."""


async def dial_dc(
    network: Network, choice: DCChoice, dial_timeout: float, warnings: Warnings
) -> tuple[socket.socket, DCAddress]:
    """Try a DC's addresses in their order.

    Args:
        network: Who dials.
        choice: The DC.
        dial_timeout: For one address; all together get twice that, without what a network is late.
        warnings: Where a network that misbehaves is reported.

    Raises:
        UpstreamError: None could be reached.
    """
    loop = asyncio.get_running_loop()
    left_seconds = 2 * dial_timeout
    failures = []
    for address in choice.addresses:
        timeout_seconds = min(dial_timeout, left_seconds)
        if timeout_seconds <= 0:
            break
        began_mono = loop.time()
        try:
            return await dial(network, address.host, address.port, timeout_seconds, warnings), address
        except (OSError, TimeoutError) as error:
            failures.append(f"{address.ip} port {address.port}: {str(error) or 'time-out'}")
        left_seconds -= min(loop.time() - began_mono, timeout_seconds)
    raise UpstreamError(f"DC {choice.dc} can't be reached ({'; '.join(failures)})")


async def dial(network: Network, host: str, port: int, timeout_seconds: float, warnings: Warnings) -> socket.socket:
    """Dial one address with a network that may be a user's, and that is ended if it ignores its time-out.

    Raises:
        OSError, TimeoutError: It can't be reached.
        UpstreamError: The network misbehaved: it raised something else, or returned no plain socket.
    """
    try:
        sock = await within(timeout_seconds + _LATE_SECONDS, network.dial(host, port, timeout_seconds=timeout_seconds))
        if not is_plain_socket(sock):
            if isinstance(sock, socket.socket):
                sock.close()
            raise TypeError(f"expected {PLAIN_SOCKET}, got {type(sock).__name__}")
        if sock.fileno() < 0:
            raise ValueError("expected a connected socket.socket, got a closed one")
        _check_connected(sock)
    except (OSError, TimeoutError):
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
        if error.errno == errno.ENOTCONN:  # or not any more: the peer has reset it
            sock.close()
            raise OSError(error.errno, "the network's socket isn't connected") from error
