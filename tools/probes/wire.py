"""A wire with a delay between a prober and the sites and proxies of this machine, made of two network namespaces.

Over loopback, what a prober writes at once arrives at once. Over a network it arrives in segments and from round trip
to round trip, and some of it while the site is closing: then the site's kernel answers.

The prober's sockets are made in a namespace of their own, whose only interface is one end of the wire. The other end is
in the namespace of this process, where sites and proxies listen on 127.0.0.1; the wire is allowed to lead there.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from support.netns import netns_is_missing

_TUN = Path("/dev/net/tun")
_NAMESPACE = Path("/proc/thread-self/ns/net")
_ROUTE_LOCALNET = Path("/proc/sys/net/ipv4/conf/wire/route_localnet")
_PROBER = "192.0.2.1"
_NEAR = ("ip link set wire up", f"ip route add {_PROBER} dev wire")
_FAR = (
    f"ip address add {_PROBER}/32 dev wire",
    "ip link set wire up",
    f"ip route add 127.0.0.1 dev wire src {_PROBER}",
)
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h
_CLONE_NEWNET = 0x40000000
_MOST_PACKET_BYTES = 65_536
_libc = ctypes.CDLL(None, use_errno=True)


def wire_is_missing() -> str | None:
    """Return why no wire can be laid here, or None."""
    return netns_is_missing() or (None if os.access(_TUN, os.R_OK | os.W_OK) else f"{_TUN} can't be opened")


class Wire:
    """Makes sockets at its far end; what they reach as 127.0.0.1 is the namespace of this process."""

    def __init__(self, far_namespace: int) -> None:
        self._far_namespace = far_namespace

    def new_socket(self, family: int, kind: int) -> socket.socket:
        """Make a socket at the far end."""
        with _away_from_here():
            _check(_libc.setns(self._far_namespace, _CLONE_NEWNET))
            return socket.socket(family, kind)


@contextmanager
def lay_wire(delay_seconds: float) -> Iterator[Wire]:
    """Lay a wire that delivers every packet so much later.

    The process must be in a network namespace of its own (`support.netns`), and may have one wire at a time.
    """
    with ExitStack() as stack:
        near_end = _open_end(stack, _NEAR)
        with _away_from_here():
            _check(_libc.unshare(_CLONE_NEWNET))
            far_namespace = os.open(_NAMESPACE, os.O_RDONLY)
            stack.callback(os.close, far_namespace)
            far_end = _open_end(stack, _FAR)
        command = [sys.executable, "-m", "tools.probes.wire", str(near_end), str(far_end), str(delay_seconds)]
        ends = (near_end, far_end)
        with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=ends, start_new_session=True):
            yield Wire(far_namespace)


def _open_end(stack: ExitStack, set_up: tuple[str, ...]) -> int:
    """Make an end of the wire in this thread's namespace; return the descriptor of its packets."""
    end = os.open(_TUN, os.O_RDWR)
    stack.callback(os.close, end)
    fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH22x", b"wire", _IFF_TUN | _IFF_NO_PI))
    _ROUTE_LOCALNET.write_text("1")
    for command in set_up:
        subprocess.run(command.split(), check=True)
    return end


@contextmanager
def _away_from_here() -> Iterator[None]:
    """Come back to this thread's network namespace in the end."""
    home = os.open(_NAMESPACE, os.O_RDONLY)
    try:
        yield
    finally:
        _check(_libc.setns(home, _CLONE_NEWNET))
        os.close(home)


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _carry(near_end: int, far_end: int, delay_seconds: float) -> None:
    """Carry packets both ways until stdin ends, which it does with the process that laid the wire."""
    others = {near_end: far_end, far_end: near_end}
    underway: deque[tuple[float, int, bytes]] = deque()  # when it arrives, at which end, and the packet
    while True:
        seconds = max(underway[0][0] - time.monotonic(), 0) if underway else None
        readable = select.select([*others, sys.stdin.fileno()], [], [], seconds)[0]
        if sys.stdin.fileno() in readable:
            return
        for end in readable:
            underway.append((time.monotonic() + delay_seconds, others[end], os.read(end, _MOST_PACKET_BYTES)))
        while underway and underway[0][0] <= time.monotonic():
            _, end, packet = underway.popleft()
            with suppress(OSError):  # lost, as on any wire
                os.write(end, packet)


if __name__ == "__main__":
    _carry(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
