"""What happens inside the network namespace: TDLib, a tap, the proxy, a data centre and a site, in one process.

Each scenario returns what was seen, for the test outside to judge.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from support.fake_dc import FakeDC
from support.front import NginxSite, RecordingFront, answer
from support.mtproto import PRODUCTION_FINGERPRINT, MTProtoDC
from support.running_proxy import RunningProxy
from support.secrets import PeerSecret, secret_hex
from support.server_answer import ANSWER_RECORDS
from support.tap import Tap, TappedConnection
from support.tdlib import TDLib, TDLibError
from support.tls_records import RecordReader

NOT_TLS = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
_SEEN_TIMEOUT = 20.0
_FIRST_OF_DRS = 1386


@dataclass
class Stage:
    """Everything between TDLib and Telegram."""

    dc: MTProtoDC
    site: RecordingFront
    proxy: RunningProxy
    tap: Tap


@asynccontextmanager
async def stage(
    relay: str, fast_mode: bool, clock_off_seconds: float = 0.0, dc: MTProtoDC | None = None
) -> AsyncIterator[Stage]:
    """Set everything up; one data centre plays all that TDLib asks for."""
    exchange = dc or MTProtoDC()
    async with FakeDC(exchange) as server, RecordingFront(answer(NOT_TLS)) as site:
        proxy = RunningProxy(
            front_port=site.port,
            dcs=dict.fromkeys((1, 2, 10001, 10002), server.address),
            relay=relay,
            fast_mode=fast_mode,
            clock=lambda: time.time() + clock_off_seconds,
        )
        async with proxy, Tap(proxy.port) as tap:
            yield Stage(exchange, site, proxy, tap)


async def honest_client(relay: str, fast_mode: bool, use_test_dc: bool) -> dict[str, Any]:
    """Ping, test, then connect for good, with the right secret."""
    async with stage(relay, fast_mode) as around, TDLib(use_test_dc=use_test_dc) as client:
        link = ("127.0.0.1", around.tap.port, secret_hex(around.proxy.secret))
        seconds = await client.ping_proxy(*link)
        pings = list(around.dc.pings)
        await _until_exchange(around.dc, client.test_proxy(*link, dc_id=2))
        tested = list(around.dc.exchanges)
        around.dc.completed.clear()
        await _until_exchange(around.dc, client.connect_through(*link))
        return {
            "ping_seconds": seconds,
            "pinged_dcs": pings,
            "tested_dcs": tested,
            "exchanges": around.dc.exchanges,
            "problems": around.dc.problems,
            "fronted": len(around.site.connections),
            "server_hello_bytes": [int.from_bytes(each.to_client[3:5], "big") for each in around.tap.connections],
            "engine": around.proxy.proxy.relay_engine,
        }


async def full_records(relay: str, fast_mode: bool) -> dict[str, Any]:
    """Begin a key exchange with an answer that takes more than a full record; return the sizes of all records."""
    dc = MTProtoDC((*range(1, 5000), PRODUCTION_FINGERPRINT))
    async with stage(relay, fast_mode, dc=dc) as around, TDLib() as client:
        link = ("127.0.0.1", around.tap.port, secret_hex(around.proxy.secret))
        await _until_exchange(dc, client.connect_through(*link))
        sizes = [size for connection in around.tap.connections for size in _sizes(connection)]
        return {"record_bytes": sizes, "problems": dc.problems}


async def shaped_records(relay: str, learnt: bool) -> dict[str, Any]:
    """Begin key exchanges, whose answer takes many records, with dynamic sizing, and then with the site's own records.

    Returns the sizes of each connection's records.
    """
    dc = MTProtoDC((*range(1, 5000), PRODUCTION_FINGERPRINT))
    async with FakeDC(dc) as server, NginxSite() as site:
        urls = [f"https://{site.name}/large.bin"] if learnt else []
        dcs = dict.fromkeys((1, 2), server.address)
        proxy = RunningProxy(front_port=site.port, dcs=dcs, relay=relay, drs=True, record_urls=urls)
        async with proxy, Tap(proxy.port) as tap, TDLib() as client:
            link = ("127.0.0.1", tap.port, secret_hex(proxy.secret))
            await client.ping_proxy(*link)
            while learnt and _sizes(tap.connections[-1])[0] == _FIRST_OF_DRS:
                await asyncio.sleep(0.2)
                await client.ping_proxy(*link)
            await _until_exchange(dc, client.connect_through(*link))
            return {"record_bytes": [_sizes(connection) for connection in tap.connections], "problems": dc.problems}


async def refused_client(relay: str, fast_mode: bool, wrong_secret: bool, clock_off_seconds: float) -> dict[str, Any]:
    """Ping and test with a wrong secret or to a proxy with a wrong clock; what was sent must be at the site."""
    async with stage(relay, fast_mode, clock_off_seconds) as around, TDLib() as client:
        right = around.proxy.secret
        used = PeerSecret.random(right.host) if wrong_secret else right
        link = ("127.0.0.1", around.tap.port, secret_hex(used))
        errors = [await _error_of(client.ping_proxy(*link)), await _error_of(client.test_proxy(*link))]
        at_the_site = [(await connection.ended()).data for connection in around.site.connections]
        return {
            "errors": errors,
            "reached_dcs": around.dc.pings,
            "sent": [bytes(connection.from_client).hex() for connection in around.tap.connections],
            "at_the_site": [data.hex() for data in at_the_site],
            "to_client": [bytes(connection.to_client).hex() for connection in around.tap.connections],
        }


async def refused_client_at_a_real_site(relay: str) -> list[str | None]:
    """Ping and test with a wrong secret, when the site speaks TLS; return TDLib's errors."""
    async with NginxSite() as site, RunningProxy(front_port=site.port, relay=relay) as proxy, TDLib() as client:
        link = (proxy.host, proxy.port, secret_hex(PeerSecret.random(site.name)))
        return [await _error_of(client.ping_proxy(*link)), await _error_of(client.test_proxy(*link))]


def _sizes(connection: TappedConnection) -> list[int]:
    """The sizes of the records behind the answer."""
    records = RecordReader().feed(bytes(connection.to_client))
    return [len(record.payload) for record in records[len(ANSWER_RECORDS) :]]


async def _until_exchange(dc: MTProtoDC, attempt: Awaitable[None]) -> None:
    """Make an attempt and wait until the data centre has seen a right ``req_DH_params``.

    The attempt itself may go on beyond that for as long as it likes: without Telegram's key it can't succeed.
    """
    attempting = asyncio.ensure_future(attempt)
    try:
        async with asyncio.timeout(_SEEN_TIMEOUT):
            await dc.completed.wait()
    finally:
        attempting.cancel()
        await asyncio.gather(attempting, return_exceptions=True)


async def _error_of(attempt: Awaitable[object]) -> str | None:
    try:
        await attempt
    except TDLibError as error:
        return str(error)
    return None
