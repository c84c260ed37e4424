"""docs/reliability.md: each row names tests, and each of them exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from docs.pages import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| fault |")]
FAULTS = (
    *("panic", "EMFILE", "ENOMEM", "full disk", "full or read-only disk", "stalls", "clock jumps", "shutdown"),
    *(
        "kill -9",
        "refuses",
        "silent",
        "resets",
        "slow",
        "torn or foreign file",
        "state directory",
        "places",
        "leads back",
    ),
)


def functions_in(path: Path) -> set[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, functions)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_each_row_names_tests_that_exist(row: str) -> None:
    _, fault, clients, operators, tests, end = (cell.strip() for cell in row.split("|"))

    assert fault
    assert clients
    assert operators
    assert end == ""
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", tests)
    assert named
    assert tests == ", ".join(f"`{path}::{name}`" for path, name in named)
    for path, name in named:
        assert name in functions_in(ROOT / path), f"{path} has no {name}"


@pytest.mark.parametrize("fault", FAULTS)
def test_no_kind_of_fault_is_left_out(fault: str) -> None:
    assert any(fault in row.split("|")[1] for row in ROWS)


@pytest.mark.parametrize("heading", ["Data centres", "The fronting site", "SOCKS5 proxies", "DNS servers", "Redis"])
def test_whatever_a_proxy_depends_on_has_every_kind_of_fault(heading: str) -> None:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    faults = " ".join(row.split("|")[1] for row in section.splitlines() if row in ROWS)
    assert all(re.search(kind, faults) for kind in ("refuses", "silent|in time", "resets", "slow"))
