"""Where a connection is in what was learnt."""

from __future__ import annotations

from mtglib.relay.job import Shape, TimedRecord
from mtglib.relay.learnt import Place

OPENING = (TimedRecord(250, 0.0),)
RESPONSE = (TimedRecord(300, 0.0), TimedRecord(400, 0.5), TimedRecord(500, 0.0))
OTHER = (TimedRecord(600, 0.0),)


def test_an_opening_comes_once_and_responses_for_ever() -> None:
    place = Place(Shape(openings=(OPENING,), responses=(RESPONSE,)))

    assert place.ahead(9) == OPENING
    place.advance(1)
    for _ in range(3):
        assert place.ahead(9) == RESPONSE
        assert place.ahead(2) == RESPONSE[:2]
        place.advance(2)
        assert place.ahead(9) == RESPONSE[2:]
        place.advance(1)


def test_without_openings_a_connection_begins_with_a_response() -> None:
    assert Place(Shape(responses=(RESPONSE,))).ahead(9) == RESPONSE


def test_a_response_can_begin_in_the_middle_of_another() -> None:
    place = Place(Shape(responses=(RESPONSE,)))
    place.advance(1)
    place.begin_response()

    assert place.ahead(9) == RESPONSE


def test_any_sequence_is_drawn() -> None:
    shape = Shape(openings=(OPENING, OTHER), responses=(RESPONSE, OTHER))
    begun = {Place(shape).ahead(9) for _ in range(100)}
    place, later = Place(shape), set()
    for _ in range(100):
        place.begin_response()
        later.add(place.ahead(9))

    assert begun == {OPENING, OTHER}
    assert later == {RESPONSE, OTHER}
