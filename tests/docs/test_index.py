"""docs/README.md leads to every page."""

from __future__ import annotations

import re

from docs.pages import ROOT

FOLDER = ROOT / "docs"


def test_the_index_has_every_page_once() -> None:
    links = re.findall(r"^- \[([^\]]+)\]\(\1\): ", (FOLDER / "README.md").read_text(), re.MULTILINE)
    pages = {path.name for path in FOLDER.glob("*.md")} - {"README.md"}

    assert sorted(link for link in links if "/" not in link) == sorted(pages)
