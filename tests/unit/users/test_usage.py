"""What is counted for a user, and when a period begins anew."""

from __future__ import annotations

import calendar

import pytest

from mtglib.users import QuotaPeriod
from mtglib.users.usage import Usage


def unix(text: str) -> float:
    year, month, day = map(int, text.split("-"))
    return calendar.timegm((year, month, day, 12, 0, 0))


def test_bytes_streams_and_the_last_time_are_counted() -> None:
    usage = Usage()
    usage.count_stream(10.0)
    usage.count_bytes(3, 4, 20.0)
    usage.count_bytes(0, 1, 30.0)
    assert (usage.streams, usage.from_client_bytes, usage.to_client_bytes, usage.last_seen_unix) == (1, 3, 5, 30.0)


@pytest.mark.parametrize(
    ("later", "total", "day", "month"),
    [
        ("2026-11-28", 12, 12, 12),
        ("2026-11-29", 12, 2, 12),
        ("2026-12-01", 12, 2, 2),
        ("2027-11-28", 12, 2, 2),
        ("2026-11-27", 12, 2, 12),  # a clock that was set back
        ("2026-10-28", 12, 2, 2),
    ],
)
def test_a_day_and_a_month_begin_anew(later: str, total: int, day: int, month: int) -> None:
    usage = Usage()
    usage.count_bytes(4, 6, unix("2026-11-28"))
    usage.count_bytes(1, 1, unix(later))
    periods: dict[QuotaPeriod, int] = {"total": total, "day": day, "month": month}
    assert {period: usage.period_bytes(period, unix(later)) for period in periods} == periods


def test_a_new_period_begins_without_traffic() -> None:
    usage = Usage()
    usage.count_bytes(4, 6, unix("2026-11-30"))
    assert usage.period_bytes("day", unix("2026-12-01")) == 0
    assert usage.period_bytes("month", unix("2026-12-01")) == 0
    assert usage.period_bytes("total", unix("2026-12-01")) == 10


@pytest.mark.parametrize(
    ("earlier", "day", "month"),
    [("2026-11-28", 3, 3), ("2026-11-27", 1, 3), ("2026-10-31", 1, 1), ("2026-11-29", 2, 3), ("2026-12-01", 2, 2)],
)
def test_what_was_counted_elsewhere_is_added_to_its_own_day_and_month(earlier: str, day: int, month: int) -> None:
    usage, other = Usage(), Usage()
    usage.count_bytes(1, 0, unix("2026-11-28"))
    other.count_stream(unix(earlier))
    other.count_bytes(0, 2, unix(earlier))
    usage.add(other)
    latest = max(unix("2026-11-28"), unix(earlier))
    assert (usage.from_client_bytes, usage.to_client_bytes, usage.streams) == (1, 2, 1)
    assert usage.last_seen_unix == latest
    assert (usage.period_bytes("day", latest), usage.period_bytes("month", latest)) == (day, month)


def test_what_was_counted_elsewhere_is_all_there_is_at_a_start() -> None:
    usage, other = Usage(), Usage()
    other.count_bytes(1, 2, unix("2026-11-28"))
    usage.add(other)
    assert usage == other


def test_a_look_with_a_wrong_clock_costs_no_counts() -> None:
    usage, now_unix = Usage(), unix("2026-11-28")
    usage.count_bytes(4, 6, now_unix)
    assert [usage.period_bytes(period, 0.0) for period in ("total", "day", "month")] == [10, 0, 0]
    assert [usage.period_bytes(period, now_unix) for period in ("total", "day", "month")] == [10, 10, 10]
