"""docs/embedding.md says where the library's defaults and the program's differ."""

from __future__ import annotations

import ast
import dataclasses
import re

import mtglib
from docs.pages import ROOT
from mtg.build import build_parts
from mtg.config import config_from_table
from mtg.logs import build_logger
from mtglib.noop import NoopLogger

SECRET = mtglib.Secret(bytes(range(16)), "front.example")
SECTION = (
    (ROOT / "docs" / "embedding.md").read_text().partition("## Where the program differs\n")[2].partition("\n## ")[0]
)
ROWS = {row[0]: row[1:] for row in re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", SECTION, re.MULTILINE)}
LOADED = config_from_table({"secret": SECRET.hex(), "bind-to": "127.0.0.1:1"}, source="test")
LIBRARY = mtglib.ProxyOpts.with_defaults(SECRET)
PROGRAM = dataclasses.replace(build_parts(LOADED, logger=NoopLogger()).options, logger=build_logger(LOADED))


SAME_CLASS = {"network", "anti_replay_cache", "front_learning"}
"""Parts of one class, which are made in two ways."""


def comparable(value: object) -> object:
    """A plain value, or a part's class: two parts are never equal."""
    is_plain = value is None or callable(value) or isinstance(value, int | float | str | dict | mtglib.Secret)
    return value if is_plain else type(value)


def test_each_option_with_another_default_is_in_the_table_and_no_other() -> None:
    names = [field.name for field in dataclasses.fields(mtglib.ProxyOpts)]
    differing = {name for name in names if comparable(getattr(LIBRARY, name)) != comparable(getattr(PROGRAM, name))}
    assert set(ROWS) == differing | SAME_CLASS


def test_numbers_are_right() -> None:
    for name, cells in ROWS.items():
        values = [getattr(LIBRARY, name), getattr(PROGRAM, name)]
        if isinstance(values[0], int | float):
            assert [ast.literal_eval(cell.split("`")[1]) for cell in cells] == values


def test_the_resolver_is_right() -> None:
    assert f"`{LOADED.config.network.dns}`" in ROWS["network"][1]
