"""One front: the site, the proxies in front of it, the recordings, and all probes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from support.fake_dc import echo
from tools.probes.probe import Surroundings
from tools.probes.recordings import Recorder
from tools.probes.runner import Runner
from tools.probes.sites import FRONTS, deploy
from tools.probes.wire import Wire


@asynccontextmanager
async def bench(
    front: str,
    relays: Sequence[str],
    *,
    tries: int,
    slack_seconds: float | None = None,
    is_strict: bool = True,
    wire: Wire | None = None,
) -> AsyncIterator[Runner]:
    """Start a site and a proxy for each relay, all with one secret; return what makes probes at them.

    The sites have RSA certificates, as the length of an EC key's signatures varies.
    """
    async with deploy(FRONTS[front], "rsa", relays, echo) as deployment:
        recorder = Recorder(
            deployment.secret, [port for port in deployment.ports.values() if port != deployment.site.port]
        )
        shared = Surroundings(recorder, deployment.secret, deployment.site.certificate_path, wire)
        runner = Runner(shared, deployment.ports, tries=tries, slack_seconds=slack_seconds, is_strict=is_strict)
        await runner.measure_dial()
        yield runner
