"""docs/control.md: its reference is made from the API, and what else it says of numbers and names is so."""

from __future__ import annotations

import re

from docs.pages import ROOT
from mtg.control import service
from mtg.control.feed import EVENT_NAMES
from mtg.control.handlers.events import MOST_READERS
from mtg.control.openapi import ERRORS_OF_ALL
from mtg.control.route import BODY_SECONDS
from tools import control_reference

PAGE = control_reference.PAGE.read_text()
WRITTEN = PAGE.partition(control_reference.BEGIN)[0]


def test_the_reference_is_what_the_tool_makes_of_the_api() -> None:
    assert control_reference.page(PAGE) == PAGE, "run `python -m tools.control_reference`"


def test_all_events_are_named() -> None:
    names = re.findall(r"`(\w+)`", WRITTEN.partition("The names are ")[2].partition(".")[0])
    assert set(names) == set(EVENT_NAMES.values())


def test_the_errors_of_all_requests_are_listed() -> None:
    listed = {
        int(status) for row in re.findall(r"^\| ([0-9, ]+) \|", WRITTEN, re.MULTILINE) for status in row.split(", ")
    }
    assert listed == set(ERRORS_OF_ALL) | {404, 405, 422}


def test_the_bounds_are_those_of_the_code() -> None:
    assert (BODY_SECONDS, service.REQUEST_SECONDS, service.ANSWER_SECONDS) == (5, 5, 30)
    assert "head has 5 s, its body as well, and 30 s" in WRITTEN
    assert service.MOST_BODY_BYTES == 64 * 1024
    assert f"Up to {MOST_READERS} clients" in WRITTEN


def test_the_page_is_linked_to_the_client() -> None:
    assert (ROOT / "examples" / "control_client.py").exists()
