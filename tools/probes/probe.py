"""A probe: a script for one connection, and how long to watch its result."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from support.client_hello import Shape, build_client_hello, hello_records, sign_hello
from support.secrets import PeerSecret
from tools.probes.connection import Connection
from tools.probes.recordings import Recorder
from tools.probes.wire import Wire

HOST = "front.example"


@dataclass(frozen=True)
class Surroundings:
    """The state shared by all visits of a run; without a ``wire``, they come over loopback."""

    recorder: Recorder
    secret: PeerSecret
    certificate: Path
    wire: Wire | None = None


@dataclass
class Visit:
    """One try of a probe at one address.

    ``number`` tells tries apart: tries with the same number send the same bytes at all addresses. ``probe_seconds`` is
    how long the probe is watched.
    """

    shared: Surroundings
    port: int
    probe: str
    number: int
    probe_seconds: float
    told: str | None = None
    """A script's own description of the answer, if the bytes on the wire can't be compared."""
    connection: Connection = field(init=False)

    @property
    def chance(self) -> random.Random:
        """A source of random bytes, which are the same for the same try at all addresses."""
        return random.Random(f"{self.probe} {self.number}")

    async def connect(self, *, receive_buffer_bytes: int | None = None, reading: bool = True) -> Connection:
        """Connect; a script does that once, and first."""
        self.connection = await Connection.open(
            self.port, wire=self.shared.wire, receive_buffer_bytes=receive_buffer_bytes, reading=reading
        )
        return self.connection

    def foreign_hello(self, shape: Shape = "modern") -> bytes:
        """Return a hello like a client's, made with a secret that isn't the proxy's."""
        chance = self.chance
        message = build_client_hello(HOST, shape=shape, random_bytes=chance.randbytes)
        return hello_records(sign_hello(message, chance.randbytes(16), 1_700_000_000))


Script = Callable[[Visit], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A script with a name.

    ``kind`` groups probes in the report. Probes of one ``family`` are variants that differ only in a number; each is
    tried once, and they are reported together. ``watch_seconds`` is counted from connect. ``is_slow_to_show`` says that
    the visitor can't be judged at first, so that the proxy has to wait before it dials the site. ``in_short`` puts it
    into the short form: the site's answer doesn't depend on who is faster.
    """

    name: str
    kind: str
    script: Script
    family: str | None = None
    watch_seconds: float = 2.5
    is_slow_to_show: bool = False
    in_short: bool = True
    space_seconds: float = 0.01
    """The time from the start of one try to that of the next: they overlap, but don't disturb each other's start."""
    most_tries: int = 1000

    @property
    def title(self) -> str:
        """Its own name, or its family's."""
        return self.family or self.name


def sending(data: bytes | Callable[[Visit], bytes], *, then_end: bool = False) -> Script:
    """A script that sends `data`, perhaps followed by a FIN, and watches."""

    async def script(visit: Visit) -> None:
        connection = await visit.connect()
        await connection.send(data if isinstance(data, bytes) else data(visit))
        if then_end:
            connection.end()

    return script


async def pause(seconds: float) -> None:
    """Wait, as a part of a script: times are part of what a prober does."""
    await asyncio.sleep(seconds)
