"""A benchmark's part that misses its target makes the command fail, and empty records have a second as theirs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from benchmarks import cli
from benchmarks.parts import PARTS, empty_records
from benchmarks.parts.line import Line
from benchmarks.subjects.ours import RELAYS


@pytest.mark.parametrize(("worst_seconds", "passed"), [(0.999, True), (1.001, False)])
def test_empty_records_may_cost_others_a_second_in_neither_relay(
    monkeypatch: pytest.MonkeyPatch, worst_seconds: float, passed: bool
) -> None:
    monkeypatch.setattr(empty_records, "_round_trips", lambda *_: ([2.0], [0.001, worst_seconds], 1))

    lines = list(empty_records.measure_empty_records(False))

    assert [line.passed for line in lines if line.passed is not None] == [passed] * len(RELAYS)
    assert set(RELAYS) == {"engine", "pure Python"}


@pytest.mark.parametrize(("arguments", "code"), [([], 1), (["--quick"], 0)])
def test_a_missed_target_fails_unless_loads_are_small(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], code: int
) -> None:
    def missing(_quick: bool) -> Iterator[Line]:
        yield Line("worst", 1001.0, "ms", 1000.0)

    monkeypatch.setitem(PARTS, "empty-records", missing)
    monkeypatch.setattr(cli, "Load", nullcontext)
    monkeypatch.setattr(cli, "machine_facts", lambda _command: {})

    assert cli.main(["--parts", "empty-records", "--json", str(tmp_path / "results.json"), *arguments]) == code
