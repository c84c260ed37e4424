"""The share of each user when all connections together are limited."""

from __future__ import annotations

from collections.abc import Iterable


def fair_share(counts: Iterable[int], total: int) -> int:
    """Return how many connections each user may keep, so that all have at most `total`.

    Users with fewer keep what they have, and the others share the rest equally.

    Args:
        counts: The number of connections of each user.
        total: The most connections of all users together, at least 1.

    Returns:
        The share, at least 1; `total` if all fit.
    """
    left = total
    ascending = sorted(count for count in counts if count > 0)
    for index, count in enumerate(ascending):
        share = left // (len(ascending) - index)
        if count > share:
            return max(share, 1)
        left -= count
    return total
