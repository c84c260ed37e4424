"""A proxy between a prober and a site that records: what each of them saw is what the probe tests compare."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from support import sockets
from support.fake_dc import FakeDC, echo
from support.front import RecordingFront, Script
from support.running_proxy import RunningProxy

HOST = "front.example"
_PROBE_TIMEOUT = 20.0


@dataclass
class Stage:
    """The proxy, the site, and a data centre (DC 2) that probers must never reach."""

    proxy: RunningProxy
    site: RecordingFront
    dc: FakeDC

    async def probe(self, data: bytes, *, segment_bytes: int | None = None, then_eof: bool = False) -> sockets.Received:
        """Send these bytes over a fresh connection; return what came back, and how it ended."""
        sock = await sockets.connect(self.proxy.host, self.proxy.port)
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT):
                await sockets.send_all(sock, data, segment_bytes=segment_bytes)
                if then_eof:
                    sockets.send_eof(sock)
                return await sockets.recv_until_end(sock)
        finally:
            sockets.close(sock)

    async def at_the_site(self, index: int = 0) -> sockets.Received:
        """Wait until the site's connection of this number has ended; return what it was sent, and how it ended."""
        async with asyncio.timeout(_PROBE_TIMEOUT):
            connection = await self.site.connection(index)
            return await connection.ended()


@asynccontextmanager
async def stage(relay: str, script: Script, **changes: Any) -> AsyncIterator[Stage]:
    """Set it up with a site that follows this script; ``changes`` are ProxyOpts' attributes."""
    async with RecordingFront(script) as site, FakeDC(echo) as dc:
        proxy = RunningProxy(front_port=site.port, host=HOST, dcs={2: dc.address}, relay=relay, **changes)
        async with proxy:
            yield Stage(proxy, site, dc)
