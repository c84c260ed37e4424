"""The records of downloads: a file from the site, and as much from a data centre through the proxy."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice, pairwise
from typing import NamedTuple

from support.fake_dc import DCConnection, source
from support.faketls_client import FakeTLSClient
from support.secrets import PeerSecret
from support.tls_records import HEADER_BYTES, RecordReader
from tools.censor.classifier import OF_PAUSES, OF_SIZES, Judgement, best_feature
from tools.probes.connection import Arrival, Connection
from tools.probes.http2 import SETTINGS_ACKNOWLEDGED, SETTINGS_HEADER_BYTES, browser_request
from tools.probes.probe import HOST
from tools.probes.sites import LARGE_FILE
from tools.probes.tls_client import TLSClient, client_context

FEWEST_BYTES, _MOST_BYTES = 100_000, 2_000_000
_CHUNK_BYTES = 32 * 1024
"""Large ones would keep the client from reading meanwhile."""
_SECONDS = 10.0


class DataCentre:
    """What the data centre does for downloads. It is in this process: it mustn't send while the next one is timed."""

    def __init__(self) -> None:
        self._source = source(2 * _MOST_BYTES, chunk_bytes=_CHUNK_BYTES)
        self._running = 0
        self._changed = asyncio.Condition()

    async def serve(self, connection: DCConnection) -> None:
        """Send more than any download takes."""
        self._running += 1
        try:
            await self._source(connection)
        finally:
            self._running -= 1
            async with self._changed:
                self._changed.notify_all()

    async def rest(self) -> None:
        """Wait until no connection is left."""
        async with asyncio.timeout(_SECONDS), self._changed:
            await self._changed.wait_for(lambda: not self._running)


class Download(NamedTuple):
    """The records that came after the handshake.

    Attributes:
        sizes: Their payloads.
        pauses_seconds: How long the client had waited before each, 0 for those that were read together. The first one
            is counted from the client's own last words.
    """

    sizes: Sequence[int]
    pauses_seconds: Sequence[float]


@dataclass
class Downloads:
    """Some downloads, from the site and through one proxy, and how well they can be told apart."""

    key: str
    proxy: str
    sizes: Judgement
    pauses: Judgement
    at_site: list[Download] = field(default_factory=list)
    at_proxy: list[Download] = field(default_factory=list)


def compared(key: str, proxy: str, at_site: list[Download], at_proxy: list[Download]) -> Downloads:
    """Compare downloads, at least two of each."""
    sizes = best_feature(OF_SIZES, [one.sizes for one in at_site], [one.sizes for one in at_proxy])
    pauses = best_feature(OF_PAUSES, [one.pauses_seconds for one in at_site], [one.pauses_seconds for one in at_proxy])
    return Downloads(key, proxy, sizes, pauses, at_site, at_proxy)


async def from_site(port: int, count_bytes: int) -> Download:
    """Load the first so many bytes of a file, as a browser does."""
    connection = await Connection.open(port)
    try:
        client = TLSClient(connection, client_context(ssl.TLSVersion.TLSv1_3, ("h2",)))
        if not await client.handshake():
            raise ConnectionError(client.end)
        start_bytes, start_mono = len(connection.data), time.monotonic()
        await client.send(browser_request(HOST, LARGE_FILE))
        await client.receive(_SECONDS, at_least_bytes=SETTINGS_HEADER_BYTES)
        await client.send(SETTINGS_ACKNOWLEDGED)
        await client.receive(_SECONDS, at_least_bytes=count_bytes)
        return download_in(bytes(connection.data), start_bytes, connection.arrivals, start_mono)
    finally:
        connection.close()


async def through_proxy(port: int, secret: PeerSecret, count_bytes: int) -> Download:
    """Load so many bytes from the data centre."""
    async with asyncio.timeout(_SECONDS), await FakeTLSClient.connect("127.0.0.1", port, secret) as client:
        start_mono = time.monotonic()
        await client.recv_exactly(count_bytes)
        return Download(client.received_records, _pauses(client.received_at_mono, start_mono))


def download_in(data: bytes, start_bytes: int, arrivals: Sequence[Arrival], start_mono: float) -> Download:
    """Find the records in what came, from a place on, and when each was complete."""
    sizes = [len(record.payload) for record in RecordReader().feed(data[start_bytes:])]
    ends = accumulate((HEADER_BYTES + size for size in sizes), initial=start_bytes)
    complete = [
        arrivals[bisect_left(arrivals, end, key=lambda arrival: arrival.total_bytes)] for end in islice(ends, 1, None)
    ]
    return Download(sizes, _pauses([arrival.at_mono for arrival in complete], start_mono))


def _pauses(at_mono: Sequence[float], start_mono: float) -> list[float]:
    """Return the times between them; what came before the start had no pause."""
    return [later - earlier for earlier, later in pairwise([start_mono, *(max(at, start_mono) for at in at_mono)])]


def some_length() -> int:
    """Return how many bytes one download takes: they differ as files do."""
    return random.randint(FEWEST_BYTES, _MOST_BYTES)
