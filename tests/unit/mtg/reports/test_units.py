"""Sizes and times for people."""

from __future__ import annotations

import pytest

from mtg.reports.units import age, ago, duration, moment, size


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        *((0, "0 B"), (1, "1 B"), (999, "999 B"), (1000, "1.0 KiB"), (1536, "1.5 KiB"), (10 * 1024, "10 KiB")),
        *((999 * 1024, "999 KiB"), (1000 * 1024, "1.0 MiB"), (50 * 2**30, "50 GiB"), (2**60, "1.0 EiB")),
        *((2**70, "1024 EiB"), (0.4, "0 B")),
    ],
)
def test_sizes_have_two_or_three_digits(size_bytes: float, text: str) -> None:
    assert size(size_bytes) == text


@pytest.mark.parametrize(
    ("seconds", "text", "short"),
    [
        *((0, "<1 ms", "0s"), (0.0352, "35 ms", "0s"), (1, "1 s", "1s"), (59.4, "59 s", "59s"), (59.6, "1 min", "1m")),
        *((3599, "59 min", "59m"), (3600, "1 h 0 min", "1h00m"), (86399, "23 h 59 min", "23h59m")),
        *((86400, "1 d 0 h", "1d00h"), (400 * 86400, "400 d 0 h", "400d00h"), (-5, "<1 ms", "0s")),
    ],
)
def test_durations_have_their_two_largest_units(seconds: float, text: str, short: str) -> None:
    assert (duration(seconds), age(seconds)) == (text, short)


def test_a_time_is_told_by_how_long_ago_it_was() -> None:
    assert [ago(None), ago(100, 100.5), ago(100, 160), ago(200, 100)] == ["never", "now", "1 min ago", "now"]


def test_a_moment_is_in_the_zone_of_the_machine() -> None:
    assert moment(0).startswith(("1970-01-01 ", "1969-12-31 "))
    assert moment(1e30) == f"{1e30:.0f} (Unix seconds)"
