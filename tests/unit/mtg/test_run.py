"""The process around an `App`; `tests/integration/test_program_run.py` starts real ones."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtg import run
from mtg.build import Parts, build_parts
from mtg.config import config_from_table

TABLE = {
    "secret": mtglib.Secret(bytes(range(16)), "front.example").hex(),
    "bind-to": "127.0.0.1:0",
    "domain-fronting-port": 443,
}


class AppWithABug:
    """In place of an `App`: something in its event loop fails, and then it has ended."""

    def __init__(self, *_arguments: object, **_options: object) -> None: ...

    async def start(self, *_arguments: object) -> None:
        context = {"message": "a task failed", "exception": ZeroDivisionError("x")}
        asyncio.get_running_loop().call_exception_handler(context)

    async def wait(self) -> int:
        return 5


def parts(logger: mtglib.Logger) -> Parts:
    return build_parts(config_from_table(TABLE, source="test"), logger=logger)


async def test_a_bug_in_a_callback_is_a_line_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "App", AppWithABug)
    monkeypatch.setattr(run, "handling_signals", lambda *_: nullcontext())
    logger = RecordingLogger()

    assert await run._run(parts(logger), None) == 5
    assert logger.warnings == ["internal error: a task failed"]
    assert logger.messages[0].error == "ZeroDivisionError('x')"


def test_few_open_files_lower_concurrency_and_add_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    before = parts(RecordingLogger())
    monkeypatch.setattr(run, "raise_file_limit", lambda: 1000)
    monkeypatch.setattr(run, "fitting_concurrency", lambda *_: 300)

    fitting = run._within_file_limit(before)

    assert before.warnings
    assert fitting.options.concurrency == 300
    lowered = "concurrency: lowered from 8192 to 300: the limit on open files is 1000"
    assert fitting.warnings == (*before.warnings, lowered)


def test_enough_open_files_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = parts(RecordingLogger())
    monkeypatch.setattr(run, "raise_file_limit", lambda: 1_000_000)

    assert run._within_file_limit(before) is before
