"""A finding: all tries of a probe at the site and at one proxy, and how they differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tools.probes.judge import Sample

SITE = "site"
_MOST_OUTCOMES = 4


@dataclass
class Finding:
    """A probe, or a family of them, at the site and at one proxy."""

    title: str
    kind: str
    proxy: str
    site_samples: list[Sample] = field(default_factory=list)
    proxy_samples: list[Sample] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    """Differences in bytes or endings."""
    lateness: str | None = None
    """A difference in times only."""

    def told(self) -> list[str]:
        """Say how often each outcome came at each place, the most frequent ones first."""
        return [
            f"{name} {count} x {outcome}"
            for name, samples in ((SITE, self.site_samples), (self.proxy, self.proxy_samples))
            for outcome, count in Counter(sample.outcome for sample in samples).most_common(_MOST_OUTCOMES)
        ]
