"""The exact window over time."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtglib
from mtglib.antireplay import Window


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now_unix = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_unix


@pytest.fixture
def clock() -> Clock:
    """Unix seconds."""
    return Clock()


def test_it_is_a_cache_that_a_restart_empties() -> None:
    window = Window(7)

    assert isinstance(window, mtglib.AntiReplayCache)
    assert window.persistent is False


async def test_the_second_time_is_seen_until_the_window_has_passed(clock: Clock) -> None:
    window = Window(7, clock=clock)

    assert not await window.seen_before(b"a")
    clock.now_unix += 7
    assert await window.seen_before(b"a")
    assert not await window.seen_before(b"b")
    clock.now_unix += 0.01
    assert not await window.seen_before(b"a"), "7.01 s after the first time"
    assert await window.seen_before(b"b")


async def test_being_asked_again_does_not_prolong(clock: Clock) -> None:
    window = Window(10, clock=clock)
    answers = []
    for _ in range(5):
        answers.append(await window.seen_before(b"a"))
        clock.now_unix += 4

    assert answers == [False, True, True, False, True]


async def test_what_is_over_is_forgotten(clock: Clock) -> None:
    window = Window(1, clock=clock)
    for number in range(1000):
        await window.seen_before(number.to_bytes(32))
        clock.now_unix += 0.1

    assert len(window) <= 11
    assert window.evicted == 0


async def test_above_the_bound_the_oldest_go_and_are_counted(clock: Clock) -> None:
    window = Window(60, max_entries=3, clock=clock)
    for data in (b"a", b"b", b"c", b"a", b"d"):
        await window.seen_before(data)

    assert (len(window), window.evicted) == (3, 1)
    assert [await window.seen_before(data) for data in (b"b", b"c", b"d")] == [True] * 3
    assert not await window.seen_before(b"a")


async def test_a_clock_set_back_forgets_nothing(clock: Clock) -> None:
    window = Window(7, clock=clock)
    await window.seen_before(b"a")
    clock.now_unix -= 3600

    assert await window.seen_before(b"a")


def test_the_length_covers_every_time_at_which_a_hello_is_accepted() -> None:
    assert Window.for_time_skewness(3.0)._window_seconds == 7.0
    assert Window.for_time_skewness(3.0)._max_entries == 1_000_000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("window_seconds", value) for value in (0, -1, math.nan, math.inf, 1e10, "5", None, True)),
        *(("max_entries", value) for value in (0, -5, 1.5, "5", None, 10**10)),
        *(("clock", value) for value in (None, 5.0)),
    ],
)
def test_impossible_values_are_refused(field: str, value: Any) -> None:
    changes: dict[str, Any] = {"window_seconds": 7, field: value}
    with pytest.raises(mtglib.OptionError) as error:
        Window(**changes)
    assert error.value.field == field


@pytest.mark.parametrize("skewness_seconds", [-1, math.nan, 1e9, "3", None])
def test_an_impossible_skewness_is_refused(skewness_seconds: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^skewness_seconds: "):
        Window.for_time_skewness(skewness_seconds)


@given(asked=st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.integers(0, 6)), max_size=60))
async def test_it_answers_like_a_list_of_everything_ever_seen(asked: list[tuple[bytes, int]]) -> None:
    clock = Clock()
    window, first_seen = Window(5, clock=clock), dict[bytes, float]()
    for data, pause in asked:
        clock.now_unix += pause
        expected = clock.now_unix - first_seen.get(data, -math.inf) <= 5
        if not expected:
            first_seen[data] = clock.now_unix

        assert await window.seen_before(data) is expected
