"""docs/troubleshooting.md quotes lines of the log and errors as the program says them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from docs.pages import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
QUOTES = re.findall(r"\*\*`([^`]+)`", PAGE)
FILLED_IN = re.compile(r"\.\.\.|HOST:PORT|DIRECTORY|\bN\b|\d+|^visitor: |(?<=in a row)")
"""Where the program puts a message together."""


def texts() -> Iterator[str]:
    """All strings of the source; what is filled into one is cut out."""
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


SAID = "\n".join(texts())


def test_there_are_quotes() -> None:
    assert len(QUOTES) > 15


@pytest.mark.parametrize("quote", QUOTES)
def test_the_program_says_what_is_quoted(quote: str) -> None:
    pieces = [piece.strip(" ():") for piece in FILLED_IN.split(quote)]

    assert [piece for piece in pieces if piece and piece not in SAID] == []
