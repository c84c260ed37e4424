"""One front: the site, the proxies in front of it, the recordings, and all probes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from support.fake_dc import FakeDC, echo
from support.secrets import PeerSecret
from tools.probes.finding import SITE
from tools.probes.probe import HOST, Surroundings
from tools.probes.recordings import Recorder
from tools.probes.runner import Runner
from tools.probes.sites import FRONTS, ITSELF, ProxyProgram


@asynccontextmanager
async def bench(
    front: str, relays: Sequence[str], *, tries: int, slack_seconds: float | None = None, is_strict: bool = True
) -> AsyncIterator[Runner]:
    """Start a site and a proxy for each relay, all with one secret; return a runner for them."""
    secret = PeerSecret.random(HOST)
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(FRONTS[front][0]())
        dc = await stack.enter_async_context(FakeDC(echo))
        ports = {SITE: site.port}
        if ITSELF in relays:
            ports[ITSELF] = site.port
        for relay in (name for name in relays if name != ITSELF):
            program = ProxyProgram(relay, secret, site.port, dc.address)
            ports[relay] = (await stack.enter_async_context(program)).port
        recorder = Recorder(secret, [port for port in ports.values() if port != site.port])
        shared = Surroundings(recorder, secret, site.certificate_path)
        runner = Runner(shared, ports, tries=tries, slack_seconds=slack_seconds, is_strict=is_strict)
        await runner.measure_dial()
        yield runner
