"""The end of a process that hangs; `tests/integration/test_program_shutdown.py` lets a real one hang."""

from __future__ import annotations

import os
import queue

import pytest

from integration.recording_logger import RecordingLogger
from mtg import last_resort
from mtg.last_resort import LastResort

HOUR = 3600.0
LAST_LINES_SECONDS = 0.001
SOON = 0.01


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> queue.Queue[object]:
    """What was done to end the process, in order: flush the log, and exit with a code."""
    done: queue.Queue[object] = queue.Queue()
    monkeypatch.setattr(last_resort, "_LAST_LINES_SECONDS", LAST_LINES_SECONDS)
    monkeypatch.setattr(last_resort, "flush", done.put)
    monkeypatch.setattr(os, "_exit", done.put)
    return done


def ended(done: queue.Queue[object]) -> list[object]:
    return [done.get(timeout=10), done.get(timeout=10)]


def test_when_the_time_is_over_the_log_is_written_and_the_process_ended(done: queue.Queue[object]) -> None:
    logger = RecordingLogger()
    LastResort(logger).end_within(SOON, 3)

    assert ended(done) == [LAST_LINES_SECONDS, 3]
    assert logger.warnings == ["shutdown: something is stuck; exiting without waiting for it"]


def test_the_time_can_become_earlier(done: queue.Queue[object]) -> None:
    resort = LastResort(RecordingLogger())
    resort.end_within(HOUR, 1)
    resort.end_within(SOON, 2)

    assert ended(done) == [LAST_LINES_SECONDS, 2]


def test_the_time_cannot_become_later(done: queue.Queue[object]) -> None:
    resort = LastResort(RecordingLogger())
    resort.end_within(SOON)
    resort.end_within(HOUR, 2)

    assert ended(done) == [LAST_LINES_SECONDS, 2]
