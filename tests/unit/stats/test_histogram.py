"""Durations in buckets."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.stats.histogram import BOUNDS_SECONDS, Histogram

durations = st.floats(0, 100) | st.sampled_from(BOUNDS_SECONDS)


@given(st.lists(durations, max_size=50))
def test_a_bucket_has_all_that_took_no_longer_than_its_bound(seconds: list[float]) -> None:
    histogram = Histogram()
    for each in seconds:
        histogram.observe(each)

    assert histogram.cumulative() == [sum(each <= bound for each in seconds) for bound in (*BOUNDS_SECONDS, math.inf)]
    assert histogram.sum_seconds == pytest.approx(sum(seconds))


def test_without_a_duration_all_is_zero() -> None:
    assert Histogram().cumulative() == [0] * (len(BOUNDS_SECONDS) + 1)
    assert Histogram().sum_seconds == 0.0


def test_two_histograms_share_nothing() -> None:
    one, other = Histogram(), Histogram()
    one.observe(1.0)
    one.cumulative()[0] = 99

    assert other.cumulative()[-1] == 0
    assert one.cumulative()[0] == 0


def test_bounds_rise_and_reach_from_a_fast_handshake_to_a_client_in_reserve() -> None:
    assert list(BOUNDS_SECONDS) == sorted(set(BOUNDS_SECONDS))
    assert BOUNDS_SECONDS[0] <= 0.01
    assert BOUNDS_SECONDS[-1] > 10.0
