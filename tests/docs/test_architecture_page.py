"""docs/architecture.md names files that there are, and leaves no module out."""

from __future__ import annotations

import re

import pytest

from docs.pages import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
MAP = PAGE.partition("## Where things are\n")[2].partition("\n## ")[0]
TABLE = PAGE.partition("## Where to look\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("folder", ["src/mtglib", "src/mtg", "rust/src"])
def test_the_map_has_every_module_and_package_of_a_folder_and_no_other(folder: str) -> None:
    part = MAP.partition(f"\n{folder}/ ")[2]
    named = set(re.findall(r"(?<![\w/])\w+(?:\.py|\.rs|/(?!\w))", re.split(r"\n(?=\S)", part)[0]))
    modules = {path.name for path in (ROOT / folder).iterdir() if path.suffix in (".py", ".rs")}
    packages = {f"{path.parent.name}/" for path in (ROOT / folder).glob("*/__init__.py")}

    assert (modules | packages) - named - {"__init__.py", "__main__.py"} == set()
    assert {name for name in named if not [*(ROOT / folder).rglob(name)]} == set()


def test_there_are_answers() -> None:
    assert TABLE.count("\n| ") == 15


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:src|tools)/[\w/]+\.py)`", TABLE))))
def test_a_file_that_an_answer_names_exists(path: str) -> None:
    assert (ROOT / path).is_file()
