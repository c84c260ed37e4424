"""What a list tells: each thing once."""

from __future__ import annotations

from typing import Any

import pytest

from integration.recording_logger import RecordingLogger
from mtglib import EventIPListSize
from mtglib.ground.guarded_logger import GuardedLogger
from mtglib.ipblocklist.prefixes import PrefixSet
from mtglib.ipblocklist.report import Report
from mtglib.ipblocklist.source import Source
from support.running_proxy import EventRecorder
from unit.recorders import Broken, said


class Told(Source):
    """A source that is as the test says."""

    async def load(self) -> None:
        raise NotImplementedError

    async def update(self) -> None:
        raise NotImplementedError


def failing(report: Report, source: Source, problem: str) -> None:
    source.problem = problem
    report.failed(source, "it can't be had", OSError(problem))


@pytest.fixture
def report(logger: RecordingLogger) -> Report:
    return Report(True, GuardedLogger(logger), None)


async def test_it_speaks_of_one_kind_of_list() -> None:
    for is_block_list, name in ((True, "ip-blocklist"), (False, "ip-allowlist")):
        logger, events = RecordingLogger(), EventRecorder()
        report = Report(is_block_list, GuardedLogger(logger), events)
        report.size(7)
        report.available(source := Told("a"))
        report.changed(source)

        assert [message.name for message in logger.messages] == [name]
        (event,) = events.of(EventIPListSize)
        assert (event.size, event.is_block_list) == (7, is_block_list)


async def test_a_change_says_where_it_is_from(report: Report, logger: RecordingLogger) -> None:
    source = Told("https://lists.example/a")
    source.prefixes, source.origin = PrefixSet(b"192.0.2.0/24\nnonsense\n192.0.2.7\n"), "download"
    report.changed(source)

    (message,) = logger.messages
    assert (message.level, message.text) == ("info", "list loaded")
    assert message.fields == {"source": source.label, "prefixes": 2, "from": "download", "broken_lines": 1}


async def test_each_reason_is_told_once_until_it_is_over(report: Report, logger: RecordingLogger) -> None:
    source = Told("a")
    for problem in ("404", "503", "404", "503"):
        failing(report, source, problem)
    report.available(source)
    report.available(source)
    failing(report, source, "404")
    report.changed(source)
    report.available(source)
    failing(report, source, "404")

    failed, back, loaded = "it can't be had", "list is back", "list loaded"
    assert [message.text for message in logger.messages] == [failed, failed, back, failed, loaded, failed]
    assert [message.error[-5:-2] for message in logger.messages if message.level == "warning"] == [
        *("404", "503", "404", "404"),
    ]
    assert logger.messages[0].fields == {"source": "a", "prefixes": 0}


async def test_sources_do_not_hide_one_another_and_none_fills_the_log(report: Report, logger: RecordingLogger) -> None:
    one, other = Told("one"), Told("other")
    for number in range(100):
        failing(report, one, f"reason {number}")
    failing(report, other, "reason 0")

    assert [message.fields["source"] for message in logger.messages] == ["one"] * 5 + ["other"]


async def test_copies_that_cannot_be_written_are_told_once_until_all_can(
    report: Report, logger: RecordingLogger
) -> None:
    sources = [Told("one"), Told("other")]
    report.copies(sources)
    for _ in range(2):
        sources[1].cache_error = OSError("disk full")
        for _ in range(3):
            report.copies(sources)
        sources[0].cache_error, sources[1].cache_error = OSError("disk full"), None
        report.copies(sources)
        sources[0].cache_error = None
        report.copies(sources)

    text = ("warning", "lists can't be saved to disk")
    assert said(logger) == [text, text]
    assert (logger.messages[0].fields["source"], logger.messages[0].error) == ("other", "OSError('disk full')")


async def test_an_update_by_hand_is_summed_up(report: Report, logger: RecordingLogger) -> None:
    sources = [Told("one"), Told("other")]
    sources[0].problem = "404"
    report.updated(sources, 5)

    assert logger.messages[0].fields == {"sources": 2, "prefixes": 5, "failed": 1}


@pytest.mark.parametrize("part", [None, Broken()])
async def test_parts_that_are_missing_or_raise_do_no_harm(part: Any) -> None:
    report, source = Report(True, GuardedLogger(part), part), Told("a")
    source.cache_error = OSError("disk full")

    report.size(1)
    report.changed(source)
    failing(report, source, "404")
    report.available(source)
    report.copies([source])
    report.updated([source], 1)
