"""Real sites and the program in front of them, probed alike: the short form of `make probes`.

Only what the sites do the same way each time is compared here, in bytes and endings. It is enough that the proxy does
it once in some tries, as a busy machine makes even a site vary. `make probes` has all the rest, times above all. Of
these only what no busy machine changes is looked at: where the site waits for more until its patience is over, the
visitor of the proxy is there for at least as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tools.probes.bench import bench
from tools.probes.catalogue import KINDS, probes
from tools.probes.judge import Sample
from tools.probes.sites import FRONTS, ITSELF, PATIENCE_SECONDS, RELAYS

import mtglib

pytestmark = pytest.mark.timeout(240)  # Go's server is built first

_TRIES = 2
_TITLES_AT_ONCE = 40
_SPACE_SECONDS = 0.002
"""Between the starts of tries. They may disturb each other, since no times are compared."""
_WAITED_FOR = frozenset(
    (
        *("silent", "one-letter", "newline", "junk-1", "loris-hello", "hello-in-two-600-300ms"),
        *("cut-held-old", "cut-held-modern", "tls-1.2-idle", "tls-1.3-idle"),
    )
)
"""What all these sites end for lack of anything more, after their patience."""
_LEAST_SECONDS = 0.95 * PATIENCE_SECONDS  # servers look at their clocks once a turn


@pytest.mark.parametrize("front", FRONTS)
async def test_proxies_answer_probes_as_the_site_does(front: str, subtests: pytest.Subtests) -> None:
    """And so does the site itself: where nothing is in front of it, nothing is found."""
    if reason := FRONTS[front][1]():
        pytest.skip(reason)
    relays = RELAYS if mtglib.engine_description() == "native" else ("pure",)
    short = [replace(probe, space_seconds=_SPACE_SECONDS) for probe in probes(list(KINDS)) if probe.in_short]
    async with bench(front, [*relays, ITSELF], tries=_TRIES, is_strict=False) as runner:
        findings = await runner.run(short, titles_at_once=_TITLES_AT_ONCE)

    assert len(findings) > 50 * (len(relays) + 1)
    for finding in findings:
        with subtests.test(f"{finding.title} at {finding.proxy}"):
            assert finding.differences == [], finding.told()
    waited_for = [finding for finding in findings if finding.title in _WAITED_FOR]
    assert len(waited_for) == len(_WAITED_FOR) * (len(relays) + 1)
    for finding in waited_for:
        with subtests.test(f"{finding.title} at {finding.proxy}, time"):
            assert early(finding.site_samples) == early(finding.proxy_samples) == []


def early(samples: Sequence[Sample]) -> list[float]:
    """The ends that came before the site's patience was over; a busy machine makes them later only."""
    return [one.end_seconds for one in samples if one.end_seconds is not None and one.end_seconds < _LEAST_SECONDS]
