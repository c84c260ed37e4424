"""A simple classifier of downloads: which one feature of their records tells those of the proxy best?

How good it is, is told by the AUC: how likely a download through the proxy has a larger value than one from the site.
0.5 is a guess, 1 is certainty.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

_ONE_SEGMENT_BYTES = 1500
_SHORT_PAUSE_SECONDS, _LONG_PAUSE_SECONDS = 0.0001, 0.001

Feature = Callable[[Sequence[float]], float]

OF_SIZES: dict[str, Feature] = {
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

OF_PAUSES: dict[str, Feature] = {
    "first": lambda pauses: pauses[0],
    "mean": lambda pauses: statistics.fmean(_later(pauses)),
    "largest": lambda pauses: max(_later(pauses)),
    "spread": lambda pauses: statistics.pstdev(_later(pauses)),
    "share of short ones": lambda pauses: _share(_later(pauses), _SHORT_PAUSE_SECONDS),
    "share of long ones": lambda pauses: _share(_later(pauses), _LONG_PAUSE_SECONDS),
}
"""What is looked at of the times before a download's records, in seconds. The first one is since the client spoke: it
is a feature of its own, and no part of the others."""


class Judgement(NamedTuple):
    """How well the best feature tells the downloads apart.

    Attributes:
        feature: Its name.
        auc: Below 0.5 if the downloads that judge it say the opposite of those that chose it.
        error: The standard error of the AUC, if each download is independent of the others.
    """

    feature: str
    auc: float
    error: float


def auc(negatives: Sequence[float], positives: Sequence[float]) -> float:
    """Return the area under the ROC curve: how likely one of the positives is larger than one of the negatives.

    Equal ones count half. Source: J. A. Hanley and B. J. McNeil, The meaning and use of the area under a receiver
    operating characteristic (ROC) curve, 1982.
    """
    ordered = sorted(negatives)
    halves = sum(bisect_left(ordered, value) + bisect_right(ordered, value) for value in positives)
    return halves / (2 * len(negatives) * len(positives))


def standard_error(area: float, negatives: int, positives: int) -> float:
    """Return the standard error of an AUC that was found with so many of each; same source, table II."""
    both_beat_one, one_beats_both = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (
        area * (1 - area) + (positives - 1) * (both_beat_one - area**2) + (negatives - 1) * (one_beats_both - area**2)
    ) / (negatives * positives)
    return math.sqrt(max(variance, 0.0))


def best_feature(
    features: Mapping[str, Feature], at_site: Sequence[Sequence[float]], at_proxy: Sequence[Sequence[float]]
) -> Judgement:
    """Find the feature that tells the downloads apart best.

    It is chosen with every other download, and judged with the rest: the best of many features would look good by
    chance alone. So there must be at least two downloads of each.
    """

    def both(name: str, start: int) -> float:
        value = features[name]
        return auc([value(one) for one in at_site[start::2]], [value(one) for one in at_proxy[start::2]])

    trained = {name: both(name, 0) for name in features}
    name = max(trained, key=lambda name: abs(trained[name] - 0.5))
    judged = both(name, 1) if trained[name] >= 0.5 else 1 - both(name, 1)
    return Judgement(name, judged, standard_error(judged, len(at_site) // 2, len(at_proxy) // 2))


def _later(pauses: Sequence[float]) -> Sequence[float]:
    """All but the first one, but one at least."""
    return pauses[1:] or pauses


def _share(pauses: Sequence[float], least_seconds: float) -> float:
    return sum(pause >= least_seconds for pause in pauses) / len(pauses)
