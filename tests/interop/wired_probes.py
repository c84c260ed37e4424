"""What `test_probes_over_a_wire` runs in a network namespace of its own."""

from __future__ import annotations

from collections.abc import Sequence

from tools.probes.bench import bench
from tools.probes.catalogue import KINDS, probes
from tools.probes.wire import lay_wire

_DELAY_SECONDS = 0.005
_TRIES = 3


async def compare(front: str, relays: Sequence[str], names: list[str]) -> dict[str, list[str]]:
    """Probe over a wire; return what differs in bytes or endings, by probe and relay."""
    with lay_wire(_DELAY_SECONDS) as wire:
        async with bench(front, relays, tries=_TRIES, is_strict=False, wire=wire) as runner:
            chosen = [probe for probe in probes(list(KINDS)) if probe.name in names]
            findings = await runner.run(chosen, titles_at_once=len(chosen))
    return {
        f"{finding.title} at {finding.proxy}": [*finding.differences, *(finding.told() if finding.differences else [])]
        for finding in findings
    }
