"""docs/architecture.md names files that there are."""

from __future__ import annotations

import re

import pytest

from docs.pages import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
TABLE = PAGE.partition("## Where to look\n")[2].partition("\n## ")[0]


def test_there_are_answers() -> None:
    assert TABLE.count("\n| ") == 11


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:src|tools)/[\w/]+\.py)`", TABLE))))
def test_a_file_that_an_answer_names_exists(path: str) -> None:
    assert (ROOT / path).is_file()
