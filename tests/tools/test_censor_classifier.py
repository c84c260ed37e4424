"""The area under the curve, against known values and against counting; and a feature that is judged by new data."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.censor.classifier import FEATURES, auc, best_feature

numbers = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("negatives", "positives", "expected"),
    [
        ([0.1, 0.4], [0.35, 0.8], 0.75),  # the example in scikit-learn's roc_auc_score
        ([1, 2, 3], [4, 5, 6], 1.0),
        ([4, 5, 6], [1, 2, 3], 0.0),
        ([1, 1], [1, 1, 1], 0.5),
        ([1, 2], [2, 3], 0.875),
    ],
)
def test_known_values(negatives: list[float], positives: list[float], expected: float) -> None:
    assert auc(negatives, positives) == pytest.approx(expected)


@given(numbers, numbers)
def test_it_counts_pairs_and_knows_no_first(negatives: list[float], positives: list[float]) -> None:
    pairs = list(product(negatives, positives))
    wins = sum(1.0 if low < high else 0.5 if low == high else 0.0 for low, high in pairs)

    assert auc(negatives, positives) == pytest.approx(wins / len(pairs))
    assert auc(negatives, positives) + auc(positives, negatives) == pytest.approx(1)


@pytest.mark.parametrize(("at_site", "at_proxy"), [([300, 16401], [16384, 16384]), ([16384, 16384], [300, 16401])])
def test_other_sizes_are_told_for_certain_whichever_are_larger(at_site: list[int], at_proxy: list[int]) -> None:
    assert best_feature([at_site] * 4, [at_proxy] * 4)[1] == 1.0


def test_equal_sizes_are_a_guess() -> None:
    downloads = [[300, 16401, 500], [300, 16401, 700], [300, 900], [300, 800]]

    assert best_feature(downloads, downloads)[1] == 0.5


def test_a_feature_that_was_good_by_chance_is_judged_by_other_downloads() -> None:
    """The first and third download of each differ, the others don't."""
    same = [1000, 1000]

    assert best_feature([[100], same, [100], same], [[9000], same, [9000], same])[1] == 0.5


@given(st.lists(st.integers(0, 16_640), min_size=1, max_size=50), st.sampled_from(list(FEATURES)))
def test_any_download_has_every_feature(sizes: list[int], feature: str) -> None:
    assert FEATURES[feature](sizes) >= 0
