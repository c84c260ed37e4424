"""Real sites and the program in front of them, probed alike: the short form of `make probes`.

Only what the sites do the same way each time is compared here, in bytes and endings. It is enough that the proxy does
it once in some tries, as a busy machine makes even a site vary. `make probes` has all the rest, times above all. Of
these only what no busy machine changes is looked at: where the site waits for more until its patience is over, the
visitor of the proxy is there for at least as long.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tools.probes.bench import bench
from tools.probes.catalogue import KINDS, probes
from tools.probes.finding import Finding
from tools.probes.judge import Sample
from tools.probes.sites import FRONTS, ITSELF, PATIENCE_SECONDS

pytestmark = pytest.mark.timeout(240)  # Go's server is built first

_TRIES = 2
_TITLES_AT_ONCE = 40
_WAITED_FOR = frozenset(
    (
        *("silent", "one-letter", "newline", "junk-1", "loris-hello", "hello-in-two-600-300ms"),
        *("cut-held-old", "cut-held-modern", "tls-1.2-idle", "tls-1.3-idle"),
    )
)
"""What all these sites end for lack of anything more, after their patience."""
_LEAST_SECONDS = 0.95 * PATIENCE_SECONDS  # servers look at their clocks once a turn


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
    waited_for = [finding for finding in findings if finding.title in _WAITED_FOR]
    assert len(waited_for) == len(_WAITED_FOR)
    for finding in waited_for:
        with subtests.test(f"{finding.title}, time"):
            assert early(finding.site_samples) == early(finding.proxy_samples) == []


def early(samples: Sequence[Sample]) -> list[float]:
    """The ends that came before the site's patience was over; a busy machine makes them later only."""
    return [one.end_seconds for one in samples if one.end_seconds is not None and one.end_seconds < _LEAST_SECONDS]


@pytest.mark.parametrize("front", FRONTS)
async def test_site_answers_probes_as_it_does_itself(front: str) -> None:
    findings = await findings_at(front, ITSELF)

    assert {finding.title: finding.told() for finding in findings if finding.differences} == {}
