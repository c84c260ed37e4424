"""The tools that flood and soak the program work; their verdicts on a busy machine are nobody's business here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from support.side_by_side import side_by_side

ROOT = Path(__file__).parents[2]
FLOODS = [f"{origin}-{relay}" for origin in ("200", "unix") for relay in ("native", "pure")]

Programs = Mapping[str, subprocess.Popen[str]]


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    """Each flood, and rough use."""
    commands = {"soak": ["tools.soak", "--minutes", "0.1"]}
    for flood in FLOODS:
        origin, _, relay = flood.partition("-")
        choice = ["--from", origin, "--concurrency", "100", "--relays", relay]
        commands[flood] = ["tools.flood", "--all", "--kinds", "hello-only", *choice]
    with side_by_side(commands) as programs:
        yield programs


def said(program: subprocess.Popen[str]) -> str:
    """What it prints until its end."""
    out, errors = program.communicate()
    assert not errors
    return out


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_run_and_all_of_it_comes_back(programs: Programs, flood: str) -> None:
    text = said(programs[flood])

    assert text.endswith("all 1 passed\n"), text  # no share is asked of a flood that has the secret


def test_no_combination_is_no_success() -> None:
    command = [sys.executable, "-m", "tools.flood", "--kinds", "http", "--concurrency", "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "nothing was run: there is no such combination (try --all)\n"


def test_rough_use_is_counted(programs: Programs) -> None:
    text = said(programs["soak"])

    for what in ("flood", "dc away", "site away", "scrape", "after the last one:"):
        assert what in text, text
