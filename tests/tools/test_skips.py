"""The rule of `tests/conftest.py`: with CI=true a skip is a failure, unless it is allowed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

SUITE = """
import pytest

def test_passes(): pass

def test_skips(): pytest.skip("no such thing here")

@pytest.fixture
def part(): pytest.skip("no part")

def test_of_a_part(part): pass

@pytest.mark.xfail
def test_that_is_known_to_fail(): assert False
"""


def outcome(folder: Path, **environment: str) -> str:
    """Run the suite with our conftest, and return pytest's output."""
    (folder / "conftest.py").write_bytes((TESTS / "conftest.py").read_bytes())
    (folder / "pytest.ini").touch()
    (folder / "test_suite.py").write_text(SUITE)
    (folder / "test_module.py").write_text('import pytest\npytest.skip("no module", allow_module_level=True)\n')
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", folder],
        env={name: value for name, value in os.environ.items() if name != "CI"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_skips_are_listed(tmp_path: Path) -> None:
    output = outcome(tmp_path)
    assert "1 passed, 3 skipped, 1 xfailed" in output
    assert "no such thing here" in output


def test_skips_fail_in_ci(tmp_path: Path) -> None:
    output = outcome(tmp_path, CI="true")
    assert "CI=true doesn't allow: no module" in output
    assert "skipped" not in output.splitlines()[-1]


@pytest.mark.parametrize(("allowed", "summary"), [("no ", "1 passed, 3 skipped, 1 xfailed"), ("no p|no m", "1 failed")])
def test_allowed_skips_do_not_fail(tmp_path: Path, allowed: str, summary: str) -> None:
    assert summary in outcome(tmp_path, CI="true", MTG_ALLOWED_SKIPS=allowed)
