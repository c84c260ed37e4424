"""What the journal relies on, of whatever is kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.antireplay import pure
from mtglib.antireplay.entries import FINGERPRINT_BYTES, KEY_BYTES, Entries
from mtglib.antireplay.memory import ReplayMemory
from mtglib.antireplay.unsent import RECORD_BYTES, Unsent


@dataclass(frozen=True)
class Kind:
    """One that keeps so many entries at the most, of so many bytes each."""

    make: Callable[[int], Any]
    record_bytes: int


KEY = bytes(KEY_BYTES)
KINDS = {
    "fingerprints": Kind(pure.FingerprintLog, FINGERPRINT_BYTES),
    "an exact memory": Kind(lambda most: ReplayMemory(KEY, most), FINGERPRINT_BYTES),
    "an exact memory in Python": Kind(lambda most: pure.PureReplayMemory(KEY, most), FINGERPRINT_BYTES),
    "what a server hasn't got": Kind(Unsent, RECORD_BYTES),
}
any_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def records(kind: Kind, first: int, count: int) -> list[bytes]:
    """Records of which no two are alike."""
    return [(number + 1).to_bytes(kind.record_bytes, "little") for number in range(first, first + count)]


@any_kind
@given(loads=st.lists(st.integers(0, 40), max_size=8), max_entries=st.integers(1, 50), most=st.integers(1, 60))
def test_records_come_back_in_their_order_each_under_its_number(
    kind: Kind, loads: list[int], max_entries: int, most: int
) -> None:
    entries: Entries = kind.make(max_entries)
    everything: list[bytes] = []
    for count in loads:
        new = records(kind, len(everything), count)
        everything += new
        entries.load(b"".join(new), 1_700_000_000)

    assert entries.added == len(everything)
    assert 0 <= entries.forgotten <= entries.added
    assert entries.added - entries.forgotten <= max_entries
    at, found = 0, []
    while (piece := entries.since(at, most))[1]:
        first, data = piece
        assert first == max(at, entries.forgotten)
        assert 0 < len(data) <= most * kind.record_bytes
        found += [data[start : start + kind.record_bytes] for start in range(0, len(data), kind.record_bytes)]
        at = first + len(data) // kind.record_bytes
    assert found == everything[entries.forgotten :]
    assert at == entries.added or not everything


@any_kind
def test_from_the_end_on_there_are_none(kind: Kind) -> None:
    entries = kind.make(10)
    assert entries.since(0, 5) == (0, b"")
    entries.load(b"".join(records(kind, 0, 3)), 5)

    assert entries.since(3, 5) == (3, b"")
    assert entries.since(2, 5)[0] == 2


@any_kind
@pytest.mark.parametrize("max_entries", [1, 8, 100])
def test_of_more_than_fit_the_latest_are_kept_and_few_go_at_once(kind: Kind, max_entries: int) -> None:
    entries = kind.make(max_entries)
    for number in range(3 * max_entries):
        entries.load(records(kind, number, 1)[0], number)
        kept = entries.added - entries.forgotten
        assert min(number + 1, max_entries) * 7 // 8 <= kept <= max_entries
