"""Real sites and the program in front of them, probed alike: the short form of `make probes`.

Only what the sites do the same way each time is compared here, in bytes and endings; `make probes` has all the rest.
"""

from __future__ import annotations

import pytest
from tools.probes.bench import bench
from tools.probes.catalogue import KINDS, probes
from tools.probes.sites import FRONTS

_TRIES = 2
_TITLES_AT_ONCE = 40


@pytest.mark.timeout(240)  # Go's server is built first
@pytest.mark.parametrize("front", FRONTS)
async def test_proxy_and_site_answer_probes_alike(relay: str, front: str, subtests: pytest.Subtests) -> None:
    if reason := FRONTS[front][1]():
        pytest.skip(reason)
    short = [probe for probe in probes(list(KINDS)) if probe.in_short]

    async with bench(front, [relay], tries=_TRIES) as runner:
        findings = await runner.run(short, titles_at_once=_TITLES_AT_ONCE)

    assert len(findings) > 50
    for finding in findings:
        with subtests.test(finding.title):
            assert finding.differences == [], finding.told()
