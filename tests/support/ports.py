"""Ports for programs that can't report a port chosen by the system, and ports on which nobody listens."""

from __future__ import annotations

import socket
from pathlib import Path
from random import SystemRandom

_EPHEMERAL_FROM = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
_CANDIDATES = range(10_000, max(20_000, _EPHEMERAL_FROM))
"""The kernel gives these to nobody by itself: no connection of another program takes one before it is used."""

_random = SystemRandom()  # property tests seed the common one: test runs side by side would choose the same ports
_given: set[int] = set()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody has, for TCP and UDP; never the same again."""
    while True:
        port = _random.choice(_CANDIDATES)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def free_ports(count: int) -> list[int]:
    """Return several that differ."""
    return [free_port() for _ in range(count)]


def _is_free(port: int) -> bool:
    try:
        with (
            socket.create_server(("127.0.0.1", port)),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        ):
            datagrams.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
