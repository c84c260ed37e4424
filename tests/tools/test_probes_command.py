"""The command line of the probe bench."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tools.probes.catalogue import KINDS, probes
from tools.probes.wire import wire_is_missing

from support.front import nginx_is_missing

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.probes", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_it_reports_and_ends_with_0_where_nothing_differs(tmp_path: Path) -> None:
    if reason := nginx_is_missing():
        pytest.skip(reason)
    results = tmp_path / "results.json"

    # No time is compared: with that much slack all are the same.
    options = ("--fronts", "nginx", "--relays", "itself", "--tries", "3", "--slack-ms", "60000", "--json", str(results))
    done = run(*options, "--delays-ms", "0", "--probes", "alert,ssh")

    assert done.returncode == 0, done.stderr
    assert "0 differ in bytes or ending, 0 in times only" in done.stdout
    findings = json.loads(results.read_text())["nginx"]
    assert [finding["title"] for finding in findings] == ["alert", "ssh", "ssh-fin"]
    assert len(findings[0]["site_samples"]) >= 3


def test_it_probes_over_a_wire_too_or_says_why_not() -> None:
    if reason := nginx_is_missing():
        pytest.skip(reason)

    done = run("--fronts", "nginx", "--relays", "itself", "--tries", "1", "--slack-ms", "60000", "--probes", "alert")

    assert done.returncode == 0, done.stderr
    if reason := wire_is_missing():
        assert f"nothing is tried over a wire, as {reason}" in done.stderr
    else:
        assert "nginx 5 ms away" in done.stdout
        assert "2 comparisons" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--delays-ms", "-1"), "expected milliseconds, 0 or more"),
        (("--probes", "nothing"), "no probe nothing; kinds are replay, hello"),
        (("--fronts", "apache"), "no 'apache'; there are nginx, haproxy, go"),
        (("--tries", "0"), "expected a positive integer"),
    ],
)
def test_what_isnt_there_is_a_message(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)

    assert done.returncode == 2
    assert message in done.stderr


def test_names_of_probes_are_their_own() -> None:
    names = [probe.name for probe in probes(list(KINDS))]

    assert len(names) == len(set(names)) > 1000


def test_a_kind_a_name_and_a_beginning_choose() -> None:
    assert {probe.kind for probe in probes(["tls"])} == {"tls"}
    assert [probe.name for probe in probes(["http2"])] == ["http2-plain", "http2"]
    assert {probe.title for probe in probes(["cut-held"])} == {"cut-held-old", "cut-held-modern"}
    assert probes(["nothing"]) == []
