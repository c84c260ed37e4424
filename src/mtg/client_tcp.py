"""What a listener's SYN-ACKs say about the proxy's side: the segment size and the first window."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import Final

from mtg.user_error import UserError

_SO_BUF_LOCK: Final = 72  # Python has no name for it


@dataclass(frozen=True, slots=True)
class ClientTCP:
    """Options of a TCP listener that its connections inherit, to be set before it listens. 0 is the system's.

    Attributes:
        mss: The largest segment, in either direction, for as long as a connection lasts.
        window_bytes: The window of the SYN-ACK.
    """

    mss: int = 0
    window_bytes: int = 0

    def follow(self, earlier: ClientTCP, listener: socket.socket) -> None:
        """Set them on a socket that listens already, with others: they hold for connections from now on.

        Raises:
            UserError, OSError: As `apply` raises them.
        """
        if listener.family not in (socket.AF_INET, socket.AF_INET6) or self == earlier:
            return
        if self.mss != earlier.mss:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, self.mss)
        if self.window_bytes != earlier.window_bytes:
            _set_first_window(listener, self.window_bytes or _default_buffer_bytes(listener.family))

    def apply(self, listener: socket.socket) -> None:
        """Set them.

        Raises:
            UserError: The kernel can't set the window.
            OSError: The socket is closed or broken.
        """
        if self.mss:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, self.mss)
        if self.window_bytes:
            _set_first_window(listener, self.window_bytes)


def _default_buffer_bytes(family: int) -> int:
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2  # the kernel doubles what is set


def _set_first_window(listener: socket.socket, window_bytes: int) -> None:
    """Begin with a small buffer, and leave it to the kernel to widen it as soon as bytes come.

    TCP_WINDOW_CLAMP, or a buffer that stays locked, would also take the window scale from the SYN-ACK: a connection
    could never receive more than 64 KiB a round trip.
    """
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window_bytes)
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_BUF_LOCK, 0)
    except OSError as error:
        if error.errno != errno.ENOPROTOOPT:
            raise
        raise UserError("network.client-tcp.window: expected 0 on this system, as it takes Linux 5.15") from error
