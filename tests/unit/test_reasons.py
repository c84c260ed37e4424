"""The one list of reasons, and that everybody takes theirs from it."""

from __future__ import annotations

import re
from pathlib import Path

import mtglib
from mtglib.reasons import HANDSHAKE_FAILURES, RELAY_ENDS, Reason
from mtglib.stats.metrics import METRICS

ROOT = Path(__file__).parents[2]


def test_a_reason_is_its_own_text_everywhere() -> None:
    assert str(Reason.NOT_TLS) == f"{Reason.NOT_TLS}" == "not_tls"
    assert all(reason.name.lower() == reason for reason in Reason)


def test_the_metric_knows_each_handshake_failure_from_the_start() -> None:
    [metric] = [metric for metric in METRICS if metric.name == "handshake_failures"]

    assert metric.known == tuple((reason,) for reason in HANDSHAKE_FAILURES)


def test_a_broken_cache_is_no_replay() -> None:
    assert {Reason.REPLAY, Reason.REPLAY_CACHE} <= set(HANDSHAKE_FAILURES)
    assert set(HANDSHAKE_FAILURES) & set(RELAY_ENDS) == set()


def test_the_docs_explain_every_reason() -> None:
    page = (ROOT / "docs" / "statistics.md").read_text()

    assert {reason for reason in Reason if f"`{reason}`" not in page} == set()


def test_no_module_of_the_library_spells_a_reason_by_itself() -> None:
    spelled = {
        f"{path.name}: {reason}"
        for path in (ROOT / "src" / "mtglib").glob("*.py")
        if path.name != "reasons.py"
        for reason in Reason
        if re.search(rf'reason[^\n]{{0,12}}"{reason}"', path.read_text())
    }

    assert spelled == set()
    assert mtglib.Reason is Reason
