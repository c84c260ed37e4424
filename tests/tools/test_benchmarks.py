"""The benchmark works; what it finds on a busy machine is nobody's business here."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.parts import PARTS
from benchmarks.rows import ROWS
from benchmarks.subjects.haproxy import haproxy_version

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("part", PARTS)
def test_part_is_measured(part: str, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--parts", part, "--json", str(results)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    lines = json.loads(results.read_text())["parts"]
    assert lines
    assert all(math.isfinite(line["value"]) for line in lines)


@pytest.mark.parametrize("row", ROWS)
def test_row_is_measured(row: str, tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    # All variants of haproxy relay the same way; one is enough to see that its clients and ours agree with the DC.
    command = [sys.executable, "-m", "benchmarks", "--quick", "--rows", row, "--haproxy", "off", "--json", str(results)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    (measured,) = json.loads(results.read_text())["rows"]
    assert measured["error"] is None
    assert measured["ours"] > 0
    assert (measured["haproxy"] or 0) > 0 or haproxy_version() is None
