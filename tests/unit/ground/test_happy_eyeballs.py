"""Addresses that were silent a moment ago."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mtglib.ground.happy_eyeballs import SilentAddresses, alternated


class Clock:
    def __init__(self) -> None:
        self.now_mono = 0.0

    def __call__(self) -> float:
        return self.now_mono


def test_silent_addresses_come_last_for_a_minute() -> None:
    clock = Clock()
    silent = SilentAddresses(clock)
    silent.note("b")

    assert silent.put_last("abc") == ["a", "c", "b"]
    clock.now_mono = 59.9
    silent.note("a")
    assert silent.put_last("abc") == ["c", "a", "b"]
    clock.now_mono = 60.0
    assert silent.put_last("abc") == ["b", "c", "a"]
    clock.now_mono = 119.9
    assert silent.put_last("abc") == ["a", "b", "c"]
    assert len(silent) == 0


def test_an_address_that_answers_again_has_its_place_back() -> None:
    silent = SilentAddresses(Clock())
    silent.note("a")
    silent.forget("a")
    silent.forget("never noted")

    assert silent.put_last("ab") == ["a", "b"]


def test_memory_is_bounded_and_forgets_the_oldest() -> None:
    silent = SilentAddresses(Clock())
    for number in range(5000):
        silent.note(number)
        silent.note(0)

    assert len(silent) == 1024
    assert silent.put_last([0, 4999, 1]) == [1, 0, 4999]


@given(addresses=st.lists(st.integers(0, 9)), noted=st.lists(st.integers(0, 9)))
def test_no_address_is_lost_or_made_up(addresses: list[int], noted: list[int]) -> None:
    silent = SilentAddresses(Clock())
    for address in noted:
        silent.note(address)

    first = [address for address in addresses if address not in noted]
    assert silent.put_last(addresses) == first + [address for address in addresses if address in noted]


def test_families_alternate_as_long_as_there_are_two() -> None:
    assert alternated("ab", "12345") == ["a", "1", "b", "2", "3", "4", "5"]
    assert alternated([], [1, 2]) == alternated([1, 2], []) == [1, 2]
