"""Are two samples of tries alike? Endings and bytes are counted, times compared: docs/probes.md has the criteria."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tools.probes.chance import fisher_exact, ks_two_sample

LEAST_P = 0.01
LEAST_SAMPLES = 5
"""With fewer of each, no two distributions of times can differ significantly: then only medians decide."""
SLACK_SECONDS = 0.001
LEAST_TIME_PART = 0.05
SLOW_TO_SHOW_SECONDS = 0.1
"""How much later than the site the proxy may be for a visitor that can't be judged yet."""

_TIMES = {"first_byte_seconds": "first byte", "end_seconds": "end", "reset_seconds": "RST after a FIN"}


@dataclass(frozen=True)
class Sample:
    """The result of one try: descriptions of the bytes and of the ending, and the times of what came.

    These are the first byte, the end, and a RST that came after a FIN.
    """

    said: str
    ending: str
    first_byte_seconds: float | None
    end_seconds: float | None
    reset_seconds: float | None = None

    @property
    def outcome(self) -> str:
        """Both descriptions: the ending first, as it is short."""
        return f"[{self.ending}] {self.said}"


def difference_of_outcomes(
    site: Sequence[Sample], proxy: Sequence[Sample], *, is_strict: bool = True, may_stray: bool = False
) -> str | None:
    """Describe the difference in bytes and endings; None if there is none.

    If the site always does the same, the proxy must do so, too, or if it ``may_stray``, so often that the rest may be
    chance. If the site varies, each outcome's count is compared. If not ``is_strict``, it is enough that the proxy did
    the same as the site once: for a few tries on a busy machine, where any site may vary unnoticed.
    """
    at_site, at_proxy = Counter(one.outcome for one in site), Counter(one.outcome for one in proxy)
    if not is_strict:
        return None if at_site & at_proxy else "none of the outcomes is one of the site's"
    outcomes = at_site | at_proxy
    if len(at_site) == 1:
        others = sum(at_proxy.values()) - at_proxy[next(iter(at_site))]
        is_chance = not others or (may_stray and fisher_exact(0, len(site), others, len(proxy)) >= LEAST_P)
        return None if is_chance else f"{others} of {len(proxy)} differ"
    for outcome in outcomes:
        p = fisher_exact(at_site[outcome], len(site), at_proxy[outcome], len(proxy)) * len(outcomes)
        if p < LEAST_P:
            return f"{at_site[outcome]} and {at_proxy[outcome]} of {len(proxy)} (p {p:.1g}): {outcome}"
    return None


def are_no_strays(site: Sequence[Sample], proxy: Sequence[Sample]) -> bool:
    """Return whether outcomes that the site never had come too often for chance."""
    at_site = {one.outcome for one in site}
    others = sum(one.outcome not in at_site for one in proxy)
    return fisher_exact(0, len(site), others, len(proxy)) < LEAST_P


def difference_of_times(
    site: Sequence[Sample], proxy: Sequence[Sample], allowed_seconds: float, slack_seconds: float = SLACK_SECONDS
) -> str | None:
    """Describe the times that differ; None if none do.

    The proxy may always be later by ``allowed_seconds``; medians may differ by ``slack_seconds``.
    """
    for name, what in _TIMES.items():
        at_site, at_proxy = (
            [value for one in sample if (value := getattr(one, name)) is not None] for sample in (site, proxy)
        )
        has_few_tries = min(len(site), len(proxy)) < LEAST_SAMPLES
        if not at_site or not at_proxy or (min(len(at_site), len(at_proxy)) < LEAST_SAMPLES and not has_few_tries):
            continue  # rare events have no distribution; the outcomes show that they happen
        usual, ours = statistics.median(at_site), statistics.median(at_proxy)
        if abs(ours - usual) <= max(slack_seconds, LEAST_TIME_PART * usual) or 0 < ours - usual <= allowed_seconds:
            continue
        if has_few_tries or ks_two_sample(at_site, at_proxy) < LEAST_P:
            return f"{what} after {usual * 1000:.1f} and {ours * 1000:.1f} ms"
    return None
