"""What the documentation points to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.pages import PAGES, ROOT


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
    missing = [
        target for target in targets if not target.startswith("https://") and not (page.parent / target).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_in_backticks_exist(page: Path) -> None:
    paths = re.findall(r"`((?:src|rust|tests|tools|docs|examples|benchmarks)/[\w/.]*)`", page.read_text())
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_layout_names_files_that_exist() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    layout = re.findall(r"```text\n(.*?)```", page, re.DOTALL)[0]
    folder = ROOT
    for line in layout.splitlines():
        if line[0] != " ":
            folder = ROOT / line.split()[0]
        for name in re.findall(r"\w+\.(?:py|rs)\b", line):
            assert list(folder.rglob(name)), f"{name} of {folder}"
