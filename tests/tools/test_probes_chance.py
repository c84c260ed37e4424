"""The two tests of chance, against known values, and against counting all that may happen."""

from __future__ import annotations

from itertools import combinations
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.probes.chance import fisher_exact, ks_two_sample


@pytest.mark.parametrize(
    ("table", "p"),
    [
        ((3, 4, 1, 4), 0.4857142857),  # Fisher's lady tasting tea, two-sided
        ((1, 12, 9, 12), 0.002759456185),  # 1 9 / 11 3, the usual example of textbooks
        ((0, 50, 8, 50), 2 * comb(50, 8) / comb(100, 8)),
        ((0, 50, 0, 50), 1.0),
        ((50, 50, 50, 50), 1.0),
        ((0, 50, 50, 50), 2 / comb(100, 50)),
    ],
)
def test_fisher_known_values(table: tuple[int, int, int, int], p: float) -> None:
    assert fisher_exact(*table) == pytest.approx(p, rel=1e-8)


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_fisher_is_a_probability_and_knows_no_first(tries: int, other: int, data: st.DataObject) -> None:
    hits, other_hits = data.draw(st.integers(0, tries)), data.draw(st.integers(0, other))

    p = fisher_exact(hits, tries, other_hits, other)

    assert 0 < p <= 1
    assert p == pytest.approx(fisher_exact(other_hits, other, hits, tries))
    assert p == pytest.approx(fisher_exact(tries - hits, tries, other - other_hits, other))


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [
        ([1, 2, 3, 4], [5, 6, 7, 8], 2 / 70),
        ([1, 2, 3, 4, 5], [6, 7, 8, 9, 10], 2 / 252),
        ([1, 2, 3, 4], [2.5, 3.5, 4.5, 5.5], 27 / 35),
        ([1, 2, 3], [1, 2, 3], 1.0),
        ([], [1.0], 1.0),
    ],
)
def test_kolmogorov_smirnov_known_values(first: list[float], second: list[float], p: float) -> None:
    assert ks_two_sample(first, second) == pytest.approx(p)


def distance(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """The largest difference of both empirical distributions."""
    return max(
        abs(sum(value <= at for value in first) / len(first) - sum(value <= at for value in second) / len(second))
        for at in (*first, *second)
    )


@pytest.mark.parametrize("size", [1, 2, 4, 5])
@pytest.mark.parametrize("taken", [(0, 1, 2), (0, 2, 4), (1, 3, 5), (0, 1, 5)])
def test_kolmogorov_smirnov_counts_all_that_may_happen(size: int, taken: tuple[int, ...]) -> None:
    values = [float(number) for number in range(size + 3)]
    places = [place % (size + 3) for place in taken]
    if len(set(places)) < 3:
        places = [0, 1, 2]

    def split(chosen: tuple[int, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return tuple(values[i] for i in chosen), tuple(v for i, v in enumerate(values) if i not in chosen)

    first, second = split(tuple(places))
    seen = distance(first, second)
    all_splits = list(combinations(range(size + 3), 3))
    expected = sum(distance(*split(chosen)) >= seen - 1e-9 for chosen in all_splits) / len(all_splits)

    assert ks_two_sample(first, second) == pytest.approx(expected)


def test_kolmogorov_smirnov_sees_a_shift_in_fifty() -> None:
    usual = [float(number) for number in range(50)]

    assert ks_two_sample(usual, [value + 5.5 for value in usual]) > 0.5
    assert ks_two_sample(usual, [value + 20.5 for value in usual]) < 0.001
