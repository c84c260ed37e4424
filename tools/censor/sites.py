"""The sites of this bench: those of `tools.probes`, one with OpenSSL 3.5, and two that are far away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from support.nginx_site import Key
from support.node_site import NodeSite, node_is_missing
from support.slow_wire import SlowWire
from tools.probes import sites
from tools.probes.probe import HOST

_FAR_SECONDS = 0.03
_FAR_SPREAD_SECONDS = 0.005
_JITTERY_SECONDS = 0.007
_JITTERY_SPREAD_SECONDS = 0.024


@dataclass(frozen=True)
class _FarSite:
    """A site at the end of a wire: the port is the wire's."""

    port: int
    certificate_path: Path


def _behind_a_wire(seconds: float, spread_seconds: float) -> sites.Front:
    """Make what starts nginx at the end of a wire."""

    @asynccontextmanager
    async def start(key: Key) -> AsyncIterator[_FarSite]:
        async with sites.FRONTS["nginx"][0](key) as site, SlowWire(site.port, seconds, spread_seconds) as wire:
            yield _FarSite(wire.port, site.certificate_path)

    return start, sites.FRONTS["nginx"][1]


FRONTS: dict[str, sites.Front] = {
    **sites.FRONTS,
    "node": (lambda key: NodeSite(HOST, key=key), node_is_missing),
    "far": _behind_a_wire(_FAR_SECONDS, _FAR_SPREAD_SECONDS),
    "jittery": _behind_a_wire(_JITTERY_SECONDS, _JITTERY_SPREAD_SECONDS),
}
"""Each site by name."""

KEYS: tuple[Key, ...] = ("rsa", "ec")
"""The kinds of certificates."""
