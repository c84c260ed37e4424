"""The area under the curve, against known values and against counting; and a feature that is judged by new data."""

from __future__ import annotations

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.censor.classifier import OF_PAUSES, OF_SIZES, auc, best_feature, standard_error

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
    assert best_feature(OF_SIZES, [at_site] * 4, [at_proxy] * 4).auc == 1.0


def test_equal_sizes_are_a_guess() -> None:
    downloads = [[300, 16401, 500], [300, 16401, 700], [300, 900], [300, 800]]

    assert best_feature(OF_SIZES, downloads, downloads).auc == 0.5


def test_a_feature_that_was_good_by_chance_is_judged_by_other_downloads() -> None:
    """The first and third download of each differ, the others don't."""
    same = [1000, 1000]

    assert best_feature(OF_SIZES, [[100], same, [100], same], [[9000], same, [9000], same]).auc == 0.5


@given(st.lists(st.integers(0, 16_640), min_size=1, max_size=50), st.sampled_from(list(OF_SIZES)))
def test_any_download_has_every_feature(sizes: list[int], feature: str) -> None:
    assert OF_SIZES[feature](sizes) >= 0


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50), st.sampled_from(list(OF_PAUSES)))
def test_so_have_its_pauses(pauses: list[float], feature: str) -> None:
    assert OF_PAUSES[feature](pauses) >= 0


def test_the_first_pause_is_no_part_of_the_others() -> None:
    at_site, at_proxy = [[0.03, 0.0, 0.002]] * 4, [[0.09, 0.0, 0.002]] * 4

    assert best_feature(OF_PAUSES, at_site, at_proxy)[:2] == ("first", 1.0)
    others = {name: feature for name, feature in OF_PAUSES.items() if name != "first"}
    assert best_feature(others, at_site, at_proxy).auc == 0.5


@pytest.mark.parametrize(("negatives", "positives"), [(50, 50), (20, 100), (1, 1)])
def test_a_guess_is_as_uncertain_as_a_rank_sum_without_ties(negatives: int, positives: int) -> None:
    expected = math.sqrt((negatives + positives + 1) / (12 * negatives * positives))  # Mann and Whitney, 1947

    assert standard_error(0.5, negatives, positives) == pytest.approx(expected)


def test_certainty_has_no_error() -> None:
    assert standard_error(1.0, 50, 50) == standard_error(0.0, 50, 50) == 0.0
