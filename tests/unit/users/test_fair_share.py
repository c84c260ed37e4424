"""Small users keep what they have, and the others share the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.users.fair_share import fair_share

COUNTS = st.lists(st.integers(0, 200), max_size=30)


@pytest.mark.parametrize(
    ("counts", "total", "share"),
    [([], 10, 10), ([3, 3], 10, 10), ([1, 20], 10, 9), ([2, 8, 20], 12, 5), ([5, 5, 5], 9, 3), ([9] * 20, 10, 1)],
)
def test_examples(counts: list[int], total: int, share: int) -> None:
    assert fair_share(counts, total) == share


@given(COUNTS, st.integers(1, 3000))
def test_the_share_is_the_largest_with_which_all_fit(counts: list[int], total: int) -> None:
    share = fair_share(counts, total)

    def all_together(most: int) -> int:
        return sum(min(count, most) for count in counts)

    assert 1 <= share <= total
    if all_together(1) <= total:
        assert all_together(share) <= total
    if share < total:
        assert all_together(share + 1) > total
