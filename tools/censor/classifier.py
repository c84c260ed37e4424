"""A simple classifier of downloads: which one feature of their record sizes tells those of the proxy best?

How good it is, is told by the AUC: how likely a download through the proxy has a larger value than one from the site.
0.5 is a guess, 1 is certainty.
"""

from __future__ import annotations

import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

_ONE_SEGMENT_BYTES = 1500

FEATURES: dict[str, Callable[[Sequence[int]], float]] = {
    "first": lambda sizes: sizes[0],
    "mean": statistics.fmean,
    "median": statistics.median,
    "largest": max,
    "spread": statistics.pstdev,
    "share of the most frequent": lambda sizes: sizes.count(statistics.mode(sizes)) / len(sizes),
    "share below a segment": lambda sizes: sum(size < _ONE_SEGMENT_BYTES for size in sizes) / len(sizes),
    "different sizes": lambda sizes: len(set(sizes)) / len(sizes),
}
"""What is looked at of a download's record sizes; there is at least one record."""


def auc(negatives: Sequence[float], positives: Sequence[float]) -> float:
    """Return the area under the ROC curve: how likely one of the positives is larger than one of the negatives.

    Equal ones count half. Source: J. A. Hanley and B. J. McNeil, The meaning and use of the area under a receiver
    operating characteristic (ROC) curve, 1982.
    """
    ordered = sorted(negatives)
    halves = sum(bisect_left(ordered, value) + bisect_right(ordered, value) for value in positives)
    return halves / (2 * len(negatives) * len(positives))


def best_feature(at_site: Sequence[Sequence[int]], at_proxy: Sequence[Sequence[int]]) -> tuple[str, float]:
    """Return the feature that tells the downloads apart best, and its AUC.

    It is chosen with every other download, and judged with the rest: the best of many features would look good by
    chance alone. So there must be at least two downloads of each.
    """

    def both(name: str, start: int) -> float:
        value = FEATURES[name]
        return auc([value(sizes) for sizes in at_site[start::2]], [value(sizes) for sizes in at_proxy[start::2]])

    trained = {name: both(name, 0) for name in FEATURES}
    name = max(trained, key=lambda name: abs(trained[name] - 0.5))
    judged = both(name, 1)
    return name, judged if trained[name] >= 0.5 else 1 - judged
