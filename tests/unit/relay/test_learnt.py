"""Where a connection is in what was learnt."""

from __future__ import annotations

from mtglib.relay.job import PageRecords, TimedRecord
from mtglib.relay.learnt import Cursor

OPENING = (TimedRecord(250, 0.0),)
CONTENT = (TimedRecord(300, 0.0), TimedRecord(400, 0.5), TimedRecord(500, 0.0))
PAGE, OTHER = PageRecords(OPENING + CONTENT, 1), PageRecords((TimedRecord(600, 0.0),), 0)


def test_an_opening_comes_once_and_the_page_for_ever() -> None:
    cursor = Cursor([PAGE])

    assert cursor.ahead(9) == OPENING + CONTENT
    cursor.advance(4)
    for _ in range(3):
        assert cursor.ahead(9) == CONTENT
        assert cursor.ahead(2) == CONTENT[:2]
        cursor.advance(2)
        assert cursor.ahead(9) == CONTENT[2:]
        cursor.advance(1)


def test_a_page_can_begin_in_the_middle_of_another_and_of_an_opening() -> None:
    for records in (0, 1, 2):
        cursor = Cursor([PAGE])
        cursor.advance(records)
        cursor.begin_page()

        assert cursor.ahead(9) == CONTENT


def test_any_page_is_drawn() -> None:
    begun = {Cursor([PAGE, OTHER]).ahead(9) for _ in range(100)}
    cursor, later = Cursor([PAGE, OTHER]), set()
    for _ in range(100):
        cursor.begin_page()
        later.add(cursor.ahead(9))

    assert begun == {OPENING + CONTENT, OTHER.records}
    assert later == {CONTENT, OTHER.records}
