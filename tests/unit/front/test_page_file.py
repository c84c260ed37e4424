"""What is written is read again; what is damaged, or no site's, is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.front.page_file import MOST_PAGES, name_of, read_pages, write_pages
from mtglib.page_urls import Page
from mtglib.relay.job import PageRecords, TimedRecord

RECORDS = st.builds(TimedRecord, st.integers(1, 16_401), st.integers(0, 5_000_000).map(lambda pause: pause / 1e6))
PAGES = st.lists(st.builds(PageRecords, st.lists(RECORDS, min_size=1, max_size=5).map(tuple), st.just(0)), max_size=4)
NAME = name_of([Page("front.example", "/file")])
LINE = {"opening": 1, "sizes": [250, 16_401], "pauses_us": {"1": 2500}}


def read(**changes: Any) -> tuple[list[PageRecords], int]:
    lines = [json.dumps({"pages": NAME}), json.dumps(LINE | changes), json.dumps(LINE)]
    return read_pages(NAME, "\n".join(lines).encode())


@given(PAGES)
def test_what_was_written_is_read(pages: list[PageRecords]) -> None:
    assert read_pages(NAME, write_pages(NAME, pages)) == (pages, 0)


def test_a_newer_version_may_add_fields() -> None:
    page = PageRecords((TimedRecord(250, 0.0), TimedRecord(16_401, 0.0025)), 1)

    assert read(protocol="h3") == ([page, page], 0)


@pytest.mark.parametrize(
    "change",
    [
        {"opening": 2},
        {"opening": -1},
        {"opening": True},
        {"sizes": []},
        {"sizes": [0]},
        {"sizes": [16_402, 1]},
        {"sizes": [1.5, 1]},
        {"sizes": "12"},
        {"sizes": None},
        {"pauses_us": {"0": -1}},
        {"pauses_us": {"0": 1e999}},
        {"pauses_us": [1]},
    ],
)
def test_what_no_site_sends_is_left_out(change: dict[str, Any]) -> None:
    pages, lost = read(**change)

    assert (len(pages), lost) == (1, 1)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"host": "front.example"}', b"\xff" * 100])
def test_a_file_of_something_else_is_none(data: bytes) -> None:
    with pytest.raises(ValueError, match="a file of something else"):
        read_pages(NAME, data)


def test_other_pages_have_another_name_and_their_order_does_not_matter() -> None:
    one, other = Page("front.example", "/file"), Page("front.example", "/other?token=hush")

    assert name_of([one, other]) == name_of([other, one])
    assert len({name_of([one]), name_of([other]), name_of([one, other])}) == 3


def test_no_more_are_read_than_are_kept() -> None:
    page = PageRecords((TimedRecord(1, 0.0),), 0)

    assert len(read_pages(NAME, write_pages(NAME, [page] * (MOST_PAGES + 5)))[0]) == MOST_PAGES
