"""docs/adr: each decision has a number, a status and a date, and the index lists it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.pages import ROOT

FOLDER = ROOT / "docs" / "adr"
INDEX = (FOLDER / "README.md").read_text()
DECISIONS = sorted(FOLDER.glob("[0-9]*.md"))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.name)
def test_a_decision_has_number_status_and_date(page: Path) -> None:
    head = re.match(r"# (\d+)\. \S", page.read_text())
    before_the_first_section = page.read_text().partition("\n## ")[0]

    assert head is not None
    assert re.search(r"^(- )?Status: \S", before_the_first_section, re.MULTILINE)
    assert re.search(r"\bDate: \d{4}-\d\d-\d\d\b", before_the_first_section)
    assert int(head[1]) == int(page.name[:4])


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.name)
def test_the_index_lists_it_with_its_title(page: Path) -> None:
    title = page.read_text().partition("\n")[0].removeprefix("# ")
    number, _, name = title.partition(". ")

    assert f"\n{number}. [{name}]({page.name})" in INDEX


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.name)
def test_the_index_says_which_are_superseded(page: Path) -> None:
    superseded = "Status: superseded by" in page.read_text()

    assert bool(re.search(rf"\({re.escape(page.name)}\): superseded by", INDEX)) == superseded
