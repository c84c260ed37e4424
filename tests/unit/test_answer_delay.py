"""When a client is answered, by how long the site takes."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from mtglib.answer_delay import MOST_SECONDS, due_seconds
from mtglib.answers import ChosenAnswer
from mtglib.wire.server_hello import AnswerShape

SECONDS = st.floats(0, 10)


def answer(connect_seconds: float = 0.0, first_byte_seconds: float = 0.0) -> ChosenAnswer:
    return ChosenAnswer(AnswerShape(0x1301, (), 0x1D), 100, connect_seconds, first_byte_seconds)


def test_it_is_when_a_visitor_would_get_the_sites() -> None:
    assert math.isclose(due_seconds(answer(0.02, 0.03), 0.0), 0.05)


def test_a_site_that_is_being_dialled_is_connected_sooner() -> None:
    assert math.isclose(due_seconds(answer(0.02, 0.03), 0.015), 0.035)


@given(SECONDS, SECONDS)
def test_one_that_is_connected_is_waited_for_no_longer_than_its_first_byte(connect: float, first_byte: float) -> None:
    assert due_seconds(answer(connect, first_byte), math.inf) == min(first_byte, MOST_SECONDS)


@given(SECONDS, SECONDS, SECONDS)
def test_nobody_waits_for_longer_than_a_fifth_of_a_second(connect: float, first_byte: float, ahead: float) -> None:
    assert 0 <= due_seconds(answer(connect, first_byte), ahead) <= 0.2


def test_what_was_not_learnt_is_not_waited_for() -> None:
    assert due_seconds(answer(), 0.0) == 0
