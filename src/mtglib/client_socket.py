"""The socket options of a client's socket, set once the client is authenticated.

A visitor's socket keeps the kernel's defaults: the site's own connections have no keep-alive probes and no special
congestion control.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final, NamedTuple, TypeAlias

_Calls: TypeAlias = tuple[tuple[int, int, int | bytes], ...]  # arguments of `setsockopt`, each

_WITHOUT_PACING: Final = "reno"
"""What connections within the machine get instead of BBR: each kernel has it, and everybody may use it.

BBR paces what it sends, with a timer for each 64 KiB. Without a network in between that is only a cost (ADR 9).
"""


class ClientSocketOptions(NamedTuple):
    """What to ask of the kernel for a client's socket.

    Attributes:
        remote: For clients of other machines.
        local: For those of this one: something in front of the proxy has the real client's connection.
    """

    remote: _Calls
    local: _Calls

    @classmethod
    def of(cls, *, keep_alive: bool, congestion_control: str | None) -> ClientSocketOptions:
        """Choose the options that change something on this machine, so that no connection pays for others.

        Args:
            keep_alive: Whether idle clients are probed.
            congestion_control: The kernel's name of an algorithm; None leaves it to the kernel.
        """
        probes: _Calls = ((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),) if keep_alive else ()
        if congestion_control is None:
            return cls(probes, probes)
        local = _WITHOUT_PACING if congestion_control.startswith("bbr") else congestion_control
        return cls(probes + _algorithm(congestion_control), probes + _algorithm(local))

    def apply(self, sock: socket.socket) -> None:
        """Set them; options that this kind of socket doesn't have are skipped."""
        is_local = self.local != self.remote and _has_local_peer(sock)
        for call in self.local if is_local else self.remote:
            with suppress(OSError):
                sock.setsockopt(*call)


def _has_local_peer(sock: socket.socket) -> bool:
    """Return whether the other end is on this machine: at a loopback address, or at the socket's own."""
    try:
        peer = sock.getpeername()
        if not isinstance(peer, tuple) or peer[0].removeprefix("::ffff:").startswith("127."):
            return True
        return bool(peer[0] == sock.getsockname()[0])
    except OSError:
        return False


def _algorithm(name: str) -> _Calls:
    """Return what sets an algorithm, if the kernel has it and another one as its default."""
    algorithm = name.encode()
    try:
        with socket.socket() as sock:
            before = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, algorithm)
            if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16) == before:
                return ()
    except OSError:
        return ()
    return ((socket.IPPROTO_TCP, socket.TCP_CONGESTION, algorithm),)
