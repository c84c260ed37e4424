"""What `POST /v1/reload` answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group
from rich.text import Text

from mtg.reports.cells import BAD, GOOD, cell


def reload_report(reload: dict[str, Any]) -> Group:
    """Return what has changed, and what has not, a line each."""
    return Group(*_lines(reload))


def _lines(reload: dict[str, Any]) -> Iterator[Text]:
    yield cell("The configuration was read again." if reload["is_applied"] else "Nothing has changed.", "bold")
    for key in reload["changed"]:
        yield cell(f"changed: {key}", GOOD)
    for key in reload["unchangeable"]:
        yield cell(f"takes a restart: {key}", BAD)
    for problem in reload["problems"]:
        yield cell(f"problem: {problem}", BAD)
    for warning in reload["warnings"]:
        yield cell(f"warning: {warning}", "yellow")
