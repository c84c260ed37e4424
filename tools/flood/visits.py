"""Honest clients: whether they get in, and how long that takes."""

from __future__ import annotations

import asyncio
import random
import socket
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from support.faketls_client import FakeTLSClient
from support.secrets import PeerSecret
from support.server_answer import AnswerError
from support.tls_records import RecordError

VISIT_TIMEOUT_SECONDS = 10.0
_MESSAGE_BYTES = 256
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Visits:
    """The results of some clients: seconds from the connect to the first echo; None: no echo."""

    seconds: Sequence[float | None]

    @property
    def came_in(self) -> int:
        """How many clients got their echo."""
        return len(self._times)

    @property
    def median_seconds(self) -> float | None:
        """The median of those that got in."""
        return statistics.median(self._times) if self._times else None

    @property
    def worst_seconds(self) -> float | None:
        """The worst of those that got in."""
        return max(self._times, default=None)

    @property
    def _times(self) -> list[float]:
        return [seconds for seconds in self.seconds if seconds is not None]


async def visit(target: int | str, source: str, secret: PeerSecret) -> float | None:
    """One client: connect, handshake, one message and its echo; only one try.

    `target` is a port on 127.0.0.1 or the path of a Unix socket, `source` the address to come from.
    """
    start_mono = time.monotonic()
    sock = socket.socket(socket.AF_UNIX if isinstance(target, str) else socket.AF_INET)
    sock.setblocking(False)
    client = FakeTLSClient(sock, secret)
    try:
        async with asyncio.timeout(VISIT_TIMEOUT_SECONDS):
            if isinstance(target, str):
                await asyncio.get_running_loop().sock_connect(sock, target)
            else:
                sock.bind((source, 0))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", target))
            await client.handshake()
            message = random.randbytes(_MESSAGE_BYTES)
            await client.send(message)
            if await client.recv_exactly(len(message)) != message:
                raise AssertionError("an echo differs")
            return time.monotonic() - start_mono
    except (OSError, EOFError, AnswerError, RecordError):
        return None
    finally:
        client.close()


async def visits(target: int | str, sources: Sequence[str], secret: PeerSecret, count: int) -> Visits:
    """Start `count` clients, one every 50 ms, whatever happens to the earlier ones."""
    tasks = []
    for number in range(count):
        tasks.append(asyncio.create_task(visit(target, sources[number % len(sources)], secret), name="visit"))
        await asyncio.sleep(_PAUSE_SECONDS)
    return Visits(await asyncio.gather(*tasks))
