"""When a site is asked: soon at first, then seldom, and never often."""

from __future__ import annotations

import pytest

from mtglib.front.timetable import Timetable

TOPIC = ("front.example", b"shape")
OTHER = ("front.example", b"another")
HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now_mono = 1000.0

    def __call__(self) -> float:
        return self.now_mono


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timetable(clock: Clock) -> Timetable:
    return Timetable(4 * HOUR, 3, clock)


def pause(timetable: Timetable, clock: Clock, topic: tuple[str, bytes] = TOPIC) -> float:
    """Wait until a question is due, and return after which minute that was."""
    began_mono = clock.now_mono
    while not timetable.is_due(topic):
        clock.now_mono += 60
    return clock.now_mono - began_mono


def test_nothing_is_planned_before_the_first_question(timetable: Timetable) -> None:
    assert timetable.is_due(TOPIC) is None


def test_three_answers_are_wanted_within_minutes_and_then_one_each_few_hours(
    timetable: Timetable, clock: Clock
) -> None:
    pauses = []
    for _ in range(6):
        timetable.answered(TOPIC, is_expected=True)
        pauses.append(pause(timetable, clock))

    assert all(60 <= seconds <= 660 for seconds in pauses[:2])
    assert all(3 * HOUR <= seconds <= 5 * HOUR + 60 for seconds in pauses[2:])
    assert len(set(pauses[2:])) > 1, "at no fixed times"


def test_a_site_that_changes_is_asked_again_soon_however_often_it_does(timetable: Timetable, clock: Clock) -> None:
    timetable.learnt_earlier(TOPIC, 3, 0.0)
    pauses = []
    for _ in range(9):
        pauses.append(pause(timetable, clock))
        timetable.answered(TOPIC, is_expected=False)

    assert [seconds > 700 for seconds in pauses] == [True, False, False] * 3


def test_a_site_that_fails_is_left_alone_for_a_while(timetable: Timetable, clock: Clock) -> None:
    for _ in range(3):
        timetable.failed(TOPIC)
        assert 600 <= pause(timetable, clock) <= 1260
    timetable.answered(TOPIC, is_expected=True)
    assert pause(timetable, clock) <= 660, "it has given one answer of three"


@pytest.mark.parametrize(
    ("answers", "ago_seconds", "least", "most"),
    [(2, 0.0, 60, 600), (3, HOUR, 2 * HOUR, 4 * HOUR), (3, 99 * HOUR, 0, 0), (3, -99 * HOUR, 3 * HOUR, 5 * HOUR)],
)
def test_an_earlier_process_has_asked_as_well(
    timetable: Timetable, clock: Clock, answers: int, ago_seconds: float, least: float, most: float
) -> None:
    timetable.learnt_earlier(TOPIC, answers, ago_seconds)

    assert least <= pause(timetable, clock) <= most + 60


def test_there_are_twelve_questions_an_hour(timetable: Timetable, clock: Clock) -> None:
    for _ in range(12):
        assert timetable.may_ask()
        timetable.asks()
        clock.now_mono += 100
    assert not timetable.may_ask()

    clock.now_mono += HOUR - 1200 + 1
    assert timetable.may_ask()
    timetable.asks()
    assert not timetable.may_ask()


def test_the_plans_for_a_thousand_shapes_take_no_more_than_those_for_512(timetable: Timetable) -> None:
    timetable.soon(TOPIC)
    for number in range(511):
        timetable.soon(("front.example", number.to_bytes(2)))
    assert timetable.is_due(TOPIC) is False

    timetable.soon(OTHER)
    assert timetable.is_due(TOPIC) is None
    assert timetable.is_due(OTHER) is False


def test_within_the_hour_is_in_ten_to_thirty_minutes(timetable: Timetable, clock: Clock) -> None:
    pauses = []
    for _ in range(20):
        timetable.within_the_hour(TOPIC)
        pauses.append(pause(timetable, clock))

    assert 600 <= min(pauses) < max(pauses) <= 1860
