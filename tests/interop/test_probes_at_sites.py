"""Real sites and the program in front of them, probed alike: the short form of `make probes`.

Only what the sites do the same way each time is compared here, in bytes and endings. It is enough that the proxy does
it once in some tries, as a busy machine makes even a site vary. `make probes` has all the rest.
"""

from __future__ import annotations

import pytest
from tools.probes.bench import bench
from tools.probes.catalogue import KINDS, probes
from tools.probes.finding import Finding
from tools.probes.sites import FRONTS, ITSELF

pytestmark = pytest.mark.timeout(240)  # Go's server is built first

_TRIES = 2
_TITLES_AT_ONCE = 40


async def findings_at(front: str, relay: str) -> list[Finding]:
    """What the short form finds."""
    if reason := FRONTS[front][1]():
        pytest.skip(reason)
    async with bench(front, [relay], tries=_TRIES, is_strict=False) as runner:
        short = [probe for probe in probes(list(KINDS)) if probe.in_short]
        return await runner.run(short, titles_at_once=_TITLES_AT_ONCE)


@pytest.mark.parametrize("front", FRONTS)
async def test_proxy_and_site_answer_probes_alike(relay: str, front: str, subtests: pytest.Subtests) -> None:
    findings = await findings_at(front, relay)

    assert len(findings) > 50
    for finding in findings:
        with subtests.test(finding.title):
            assert finding.differences == [], finding.told()


@pytest.mark.parametrize("front", FRONTS)
async def test_site_answers_probes_as_it_does_itself(front: str) -> None:
    findings = await findings_at(front, ITSELF)

    assert {finding.title: finding.told() for finding in findings if finding.differences} == {}
