"""Where a connection is in what was learnt."""

from __future__ import annotations

from mtglib.relay.job import Shape, TimedRecord
from mtglib.relay.learnt import Cursor

OPENING = (TimedRecord(250, 0.0),)
RESPONSE = (TimedRecord(300, 0.0), TimedRecord(400, 0.5), TimedRecord(500, 0.0))
OTHER = (TimedRecord(600, 0.0),)


def test_an_opening_comes_once_and_responses_for_ever() -> None:
    cursor = Cursor(Shape(openings=(OPENING,), responses=(RESPONSE,)))

    assert cursor.ahead(9) == OPENING
    cursor.advance(1)
    for _ in range(3):
        assert cursor.ahead(9) == RESPONSE
        assert cursor.ahead(2) == RESPONSE[:2]
        cursor.advance(2)
        assert cursor.ahead(9) == RESPONSE[2:]
        cursor.advance(1)


def test_without_openings_a_connection_begins_with_a_response() -> None:
    assert Cursor(Shape(responses=(RESPONSE,))).ahead(9) == RESPONSE


def test_a_response_can_begin_in_the_middle_of_another() -> None:
    cursor = Cursor(Shape(responses=(RESPONSE,)))
    cursor.advance(1)
    cursor.begin_response()

    assert cursor.ahead(9) == RESPONSE


def test_any_sequence_is_drawn() -> None:
    shape = Shape(openings=(OPENING, OTHER), responses=(RESPONSE, OTHER))
    begun = {Cursor(shape).ahead(9) for _ in range(100)}
    cursor, later = Cursor(shape), set()
    for _ in range(100):
        cursor.begin_response()
        later.add(cursor.ahead(9))

    assert begun == {OPENING, OTHER}
    assert later == {RESPONSE, OTHER}
