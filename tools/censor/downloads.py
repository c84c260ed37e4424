"""Sizes of the records of downloads: a file from the site, and as much from a data centre through the proxy."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

from support.fake_dc import source
from support.faketls_client import FakeTLSClient
from support.secrets import PeerSecret
from support.tls_records import RecordReader
from tools.probes.connection import Connection
from tools.probes.http2 import get_request
from tools.probes.probe import HOST
from tools.probes.sites import LARGE_FILE
from tools.probes.tls_client import TLSClient, client_context

FEWEST_BYTES, _MOST_BYTES = 100_000, 2_000_000
_SECONDS = 10.0

data_centre = source(2 * _MOST_BYTES)
"""What the data centre does for a download."""


@dataclass
class Downloads:
    """The record sizes of some downloads, from the site and through one proxy; ``auc`` is that of ``feature``."""

    key: str
    proxy: str
    feature: str = ""
    auc: float = 0.5
    at_site: list[Sequence[int]] = field(default_factory=list)
    at_proxy: list[Sequence[int]] = field(default_factory=list)


async def from_site(port: int, count_bytes: int) -> list[int]:
    """Load the first so many bytes of a file, and return the sizes of the records that came after the handshake."""
    connection = await Connection.open(port)
    try:
        client = TLSClient(connection, client_context(ssl.TLSVersion.TLSv1_3, ("h2",)))
        if not await client.handshake():
            raise ConnectionError(client.end)
        start = len(connection.data)
        await client.send(get_request(HOST, LARGE_FILE, window_bytes=2 * _MOST_BYTES))
        await client.receive(_SECONDS, at_least_bytes=count_bytes)
        return [len(record.payload) for record in RecordReader().feed(bytes(connection.data[start:]))]
    finally:
        connection.close()


async def through_proxy(port: int, secret: PeerSecret, count_bytes: int) -> list[int]:
    """Load so many bytes from the data centre, and return the sizes of the records that came after the handshake."""
    async with asyncio.timeout(_SECONDS), await FakeTLSClient.connect("127.0.0.1", port, secret) as client:
        await client.recv_exactly(count_bytes)
        return client.received_records


def some_length() -> int:
    """Return how many bytes one download takes: they differ as files do."""
    return random.randint(FEWEST_BYTES, _MOST_BYTES)
