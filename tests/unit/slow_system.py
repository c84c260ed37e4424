"""A stand-in for the system's resolver."""

from __future__ import annotations

import socket
import threading
from typing import Any

ANSWER = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))]


class SlowSystem:
    """A `getaddrinfo` that answers when it is let."""

    def __init__(self, outcome: list[Any] | OSError) -> None:
        self.let = threading.Event()
        self.asked: list[tuple[str, int]] = []
        self._outcome = outcome

    def __call__(self, host: str, port: int, **_named: object) -> list[Any]:
        self.asked.append((host, port))
        self.let.wait(30)
        if isinstance(self._outcome, OSError):
            raise self._outcome
        return self._outcome
