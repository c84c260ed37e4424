"""Ports for programs that can't report a port chosen by the system."""

from __future__ import annotations

import socket
from contextlib import ExitStack

_given: set[int] = set()


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free for TCP and UDP; never the same one twice."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return several different ones."""
    with ExitStack() as held:
        return [_hold_port(held) for _ in range(count)]


def _hold_port(held: ExitStack) -> int:
    while True:
        stream = held.enter_context(socket.create_server(("127.0.0.1", 0)))
        datagrams = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        port: int = stream.getsockname()[1]
        if port in _given:
            continue
        try:
            datagrams.bind(("127.0.0.1", port))
        except OSError:  # in use for UDP
            continue
        _given.add(port)
        return port
