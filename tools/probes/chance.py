"""Tests whether two samples differ by more than chance: of counts (Fisher) and of times (Kolmogorov-Smirnov)."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence


def fisher_exact(hits: int, tries: int, other_hits: int, other_tries: int) -> float:
    """Return the two-sided p: how likely counts at least as unequal are if both have the same chance.

    It is the sum over all tables with the same margins that are at least as unlikely as this one (hypergeometric
    distribution). Source: R. A. Fisher, Statistical Methods for Research Workers, 21.02; R's fisher.test does the same.
    """
    total_hits, total = hits + other_hits, tries + other_tries
    tables = math.comb(total, total_hits)

    def weight(count: int) -> int:
        return math.comb(tries, count) * math.comb(other_tries, total_hits - count)

    possible = range(max(0, total_hits - other_tries), min(tries, total_hits) + 1)
    seen = weight(hits)
    return sum(weight(count) for count in possible if weight(count) <= seen) / tables


def ks_two_sample(sample: Sequence[float], other: Sequence[float]) -> float:
    """Return the two-sided p: how likely samples at least this far apart are if both have the same distribution.

    It is exact if no value occurs twice, otherwise too large, which is the safe side. It counts the paths through the
    grid of both samples that never get as far apart as these. Source: J. L. Hodges, The significance probability of the
    Smirnov two-sample test, 1958.
    """
    first, second = sorted(sample), sorted(other)
    m, n = len(first), len(second)
    if not m or not n:
        return 1.0
    farthest = max(abs(n * bisect_right(first, at) - m * bisect_right(second, at)) for at in (*first, *second))
    if not farthest:
        return 1.0
    paths = [0] * (n + 1)
    for i in range(m + 1):
        for j in range(n + 1):
            if abs(i * n - j * m) >= farthest:
                paths[j] = 0
            elif i == 0 and j == 0:
                paths[j] = 1
            else:
                paths[j] = (paths[j] if i else 0) + (paths[j - 1] if j else 0)
    return 1 - paths[n] / math.comb(m + n, m)
