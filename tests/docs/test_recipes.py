"""CONTRIBUTING.md's recipes: the tests that they name exist, and tell when a place was forgotten."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import msgspec
import pytest

from docs.pages import ROOT
from docs.test_reliability_page import functions_in
from mtg.config.rules import _PENDING
from mtg.config.schema import Config, Section
from mtglib import Reason
from mtglib.stats.metrics import METRICS

RECIPES = (ROOT / "CONTRIBUTING.md").read_text().partition("## Recipes\n")[2].partition("\n## ")[0]
PENDING = {key for key, _ in _PENDING}
READ_BY_A_MADE_UP_NAME = {"domain-fronting-proxy-protocol"}
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", RECIPES)


def test_there_are_recipes() -> None:
    assert len(re.findall(r"^### ", RECIPES, re.MULTILINE)) == 4
    assert len(NAMED) > 8


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_test_that_a_recipe_names_exists(path: str, name: str) -> None:
    assert not name or name in functions_in(ROOT / path)


def fields(section: type[Section], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each key of the schema: dotted, and as the program's code spells it. What isn't there yet is left out."""
    for field in msgspec.structs.fields(section):
        key = f"{prefix}{field.encode_name}"
        if key in PENDING:
            continue
        if isinstance(field.default, Section):
            yield from fields(type(field.default), f"{key}.")
        else:
            yield key, field.name


def test_the_program_reads_every_key() -> None:
    read = {
        node.attr
        for path in (ROOT / "src" / "mtg").rglob("*.py")
        if path.name != "schema.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }

    assert {key for key, name in fields(Config) if name not in read} - READ_BY_A_MADE_UP_NAME == set()


def test_every_metric_is_counted() -> None:
    named = {
        node.value
        for path in (ROOT / "src" / "mtglib" / "stats").glob("*.py")
        if path.name != "metrics.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
    }

    assert {metric.name for metric in METRICS} - named == set()


def test_every_reason_is_given() -> None:
    sources = [path.read_text() for path in (ROOT / "src" / "mtglib").rglob("*.py") if path.name != "reasons.py"]
    given = set(re.findall(r"\bReason\.([A-Z_]+)\b", "\n".join(sources)))

    assert {reason.name for reason in Reason} - given == set()
