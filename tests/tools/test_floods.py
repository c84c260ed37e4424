"""The tools that flood and soak the program work; their verdicts on a busy machine are nobody's business here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize("relay", ["native", "pure"])
@pytest.mark.parametrize("origin", ["200", "unix"])
def test_a_flood_is_run_and_all_of_it_comes_back(origin: str, relay: str) -> None:
    choice = ["--from", origin, "--concurrency", "100", "--relays", relay]

    said = run("tools.flood", "--all", "--kinds", "hello-only", *choice)

    assert said.endswith("all 1 passed\n"), said  # no share is asked of a flood that has the secret


def test_no_combination_is_no_success() -> None:
    command = [sys.executable, "-m", "tools.flood", "--kinds", "http", "--concurrency", "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "nothing was run: there is no such combination (try --all)\n"


def test_rough_use_is_counted() -> None:
    said = run("tools.soak", "--minutes", "0.1")

    for what in ("flood", "dc away", "site away", "scrape", "after the last one:"):
        assert what in said, said
