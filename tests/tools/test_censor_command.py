"""The command line of the bench that compares clients' connections with visitors'."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.front import nginx_is_missing

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.censor", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def small_run(results: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    if reason := nginx_is_missing():
        pytest.skip(reason)
    options = ("--fronts", "nginx", "--keys", "ec", "--shapes", "x25519", "--downloads", "2", "--json", str(results))
    return run(*options, *arguments)


def test_it_reports_and_ends_with_0_where_nothing_differs(tmp_path: Path) -> None:
    """With two tries, no times are ever far enough apart to differ."""
    done = small_run(tmp_path / "results.json", "--relays", "itself", "--tries", "2")

    assert done.returncode == 0, done.stderr
    assert "1 comparisons" in done.stdout
    assert ": 0 differ" in done.stdout
    comparison, downloads = json.loads((tmp_path / "results.json").read_text())["nginx"]
    assert (comparison["key"], comparison["shape"], comparison["proxy"]) == ("ec", "x25519", "itself")
    assert len(comparison["at_site"]) == len(comparison["at_proxy"]) == 2
    assert len(downloads["at_site"]) == len(downloads["at_proxy"]) == 2


def test_what_is_learnt_ahead_is_what_clients_get_from_the_start(tmp_path: Path) -> None:
    done = small_run(tmp_path / "results.json", "--relays", "pure", "--tries", "6", "--learnt", "2", "--downloads", "0")

    assert "1 comparisons" in done.stdout, done.stderr
    (comparison,) = json.loads((tmp_path / "results.json").read_text())["nginx"]
    assert len(comparison["of_visitors"]) == len(comparison["at_proxy"]) == 6
    assert not {"server_hello", "flight_bytes"} & set(comparison["differences"])


def test_it_ends_with_1_where_something_differs(tmp_path: Path) -> None:
    """If the answer isn't learnt, the flight does."""
    done = small_run(tmp_path / "results.json", "--relays", "pure", "--tries", "6", "--no-learning")

    assert done.returncode == 1, done.stderr
    assert "flight_bytes: 6 of 6 not in" in done.stderr
    assert ": 1 differ" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--fronts", "apache"), "no 'apache'; there are nginx, haproxy, go, node, far, jittery"),
        (("--shapes", "p521"), "no 'p521'; there are tdlib, apple, x25519, secp256r1"),
        (("--tries", "0"), "expected a positive integer"),
        (("--downloads", "1"), "expected 0, or at least 2"),
    ],
)
def test_what_isnt_there_is_a_message(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)

    assert done.returncode == 2
    assert message in done.stderr
