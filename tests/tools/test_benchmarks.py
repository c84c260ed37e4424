"""The benchmark works; what it finds on a busy machine is nobody's business here."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from benchmarks.parts import PARTS
from benchmarks.rows import ROWS
from benchmarks.subjects.haproxy import haproxy_version

from support.side_by_side import side_by_side

Results = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    """What waits for the results of a part, or for those of all rows."""
    folder = tmp_path_factory.mktemp("results")
    # All variants of haproxy relay the same way; one is enough to see that its clients and ours agree with the DC.
    choices = {"rows": ["--rows", ",".join(ROWS), "--haproxy", "off"]} | {part: ["--parts", part] for part in PARTS}
    commands = {
        name: ["benchmarks", "--quick", *choice, "--json", f"{folder}/{name}.json"] for name, choice in choices.items()
    }
    with side_by_side(commands) as programs:

        def results_of(name: str) -> dict[str, Any]:
            _, errors = programs[name].communicate()
            assert programs[name].returncode == 0, errors
            found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
            return found

        yield results_of


@pytest.fixture(scope="module")
def rows(results: Results) -> dict[str, dict[str, Any]]:
    """Results of all rows by their keys."""
    return {row["key"]: row for row in results("rows")["rows"]}


@pytest.mark.parametrize("part", PARTS)
def test_part_is_measured(results: Results, part: str) -> None:
    lines = results(part)["parts"]

    assert lines
    assert all(math.isfinite(line["value"]) for line in lines)


@pytest.mark.parametrize("row", ROWS)
def test_row_is_measured(rows: dict[str, dict[str, Any]], row: str) -> None:
    measured = rows[row]

    assert measured["error"] is None
    assert measured["ours"] > 0
    assert (measured["haproxy"] or 0) > 0 or haproxy_version() is None
