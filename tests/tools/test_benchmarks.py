"""The benchmark of the library's parts works; what it finds on a busy machine is nobody's business here."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.parts import PARTS

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
