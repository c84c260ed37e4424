"""The stable bloom filter: how often it errs, and which way. The keys are fixed, so that the rates are, too."""

from __future__ import annotations

import math
import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtglib
from mtglib.antireplay import StableBloom
from mtglib.antireplay.stable_bloom import Cells


@pytest.fixture(autouse=True)
def fixed_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """One key for all."""
    monkeypatch.setattr(secrets, "token_bytes", bytes)


async def share_seen(bloom: StableBloom, name: str, count: int) -> float:
    return sum([await bloom.seen_before(f"{name} {number}".encode()) for number in range(count)]) / count


def test_it_is_a_cache_and_says_nothing_of_what_it_knows() -> None:
    bloom = StableBloom()

    assert isinstance(bloom, mtglib.AntiReplayCache)
    assert (len(bloom), bloom.reach_seconds, bool(bloom)) == (0, 0.0, True)


@given(data=st.lists(st.binary(max_size=40), unique=True, max_size=60))
async def test_the_second_time_is_seen(data: list[bytes]) -> None:
    bloom = StableBloom(1024 * 1024, 1e-9)

    assert [await bloom.seen_before(one) for one in data] == [False] * len(data)
    assert [await bloom.seen_before(one) for one in data] == [True] * len(data)


@pytest.mark.parametrize(("size_bytes", "error_rate"), [(1024, 0.5), (1024, 0.1), (1024, 0.01), (4096, 0.001)])
async def test_false_positives_settle_below_the_rate_and_near_it(size_bytes: int, error_rate: float) -> None:
    bloom = StableBloom(size_bytes, error_rate)
    await share_seen(bloom, "to fill it", size_bytes * 4)

    rates = [await share_seen(bloom, f"round {number}", 20_000) for number in range(3)]
    assert max(rates) < error_rate * 1.3, "the bound, and chance"
    assert min(rates) > error_rate / 2.5, "a filter that wastes no memory"


async def test_what_is_recent_is_kept_and_what_is_old_is_not() -> None:
    bloom = StableBloom(64 * 1024)  # a sixteenth of the default, as are the numbers of its documentation
    accepted = [n for n in range(20_000) if not await bloom.seen_before(b"%d" % n)]
    recent, old = accepted[-2500:], accepted[-12_500:-10_500]

    assert sum([await bloom.seen_before(b"%d" % n) for n in recent]) >= 0.998 * len(recent)
    assert sum([await bloom.seen_before(b"%d" % n) for n in old]) < 0.2 * len(old)


def test_a_replay_sent_for_ever_makes_it_forget_nothing() -> None:
    cells = Cells(bytes(16), 1024, 0.001)
    assert not cells.has_or_insert(1)
    assert not cells.has_or_insert(2)
    before = bytes(cells.cells)

    assert all(cells.has_or_insert(1) for _ in range(10_000))
    assert bytes(cells.cells) == before


@pytest.mark.parametrize("size_bytes", [1024, 1025, 100_003])
def test_its_cells_take_what_they_may_and_no_more(size_bytes: int) -> None:
    cells = Cells(bytes(16), size_bytes, 1e-9)
    for fingerprint in range(2000):
        cells.has_or_insert(fingerprint)

    assert len(cells.cells) == size_bytes


@given(first=st.integers(0, 15), second=st.integers(0, 15))
def test_both_cells_of_a_byte_count_down_to_zero(first: int, second: int) -> None:
    cells = Cells(bytes(16), 1024, 0.001)
    cells.cells[0] = first << 4 | second
    cells.count_down(0)

    assert cells.cells[0] == max(first - 1, 0) << 4 | max(second - 1, 0)


def test_the_row_goes_on_at_the_beginning() -> None:
    cells = Cells(bytes(16), 1024, 0.001)
    cells.cells[:] = b"\xff" * 1024
    cells.count_down(1023)

    counted = cells.count_down_bytes
    assert bytes(cells.cells) == b"\xee" * (counted - 1) + b"\xff" * (1024 - counted) + b"\xee"


async def test_another_filter_errs_for_other_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    async def errors() -> list[bool]:
        bloom = StableBloom(1024, 0.1)
        return [await bloom.seen_before(b"%d" % number) for number in range(10_000)]

    assert await errors() != await errors()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("max_size_bytes", value) for value in (0, -1, 1023, 2**28 + 1, 2048.0, "1mb", None)),
        *(("error_rate", value) for value in (0, -1, 0.51, 1e-10, math.nan, "0.1", None)),
    ],
)
def test_impossible_values_are_refused(field: str, value: Any) -> None:
    with pytest.raises(mtglib.OptionError) as error:
        StableBloom(**{field: value})
    assert error.value.field == field
