"""Loggers that raise, and warnings that would fill a disk."""

from __future__ import annotations

from typing import Any

import pytest

import mtglib
from integration.recording_logger import Message, RecordingLogger
from mtglib.ground.guarded_logger import GuardedLogger, Warnings, checked_logger
from unit.recorders import Broken, said


def test_a_logger_that_works_gets_everything(logger: RecordingLogger) -> None:
    error = ValueError()
    child = GuardedLogger(logger).named("a").named("b").bind(x=1).bind(y=2)

    child.debug("d", error=error)
    child.info("i")
    GuardedLogger(logger).warning("w")

    fields = {"x": 1, "y": 2}
    assert logger.messages == [
        Message("debug", "a.b", "d", fields, repr(error)),
        Message("info", "a.b", "i", fields, ""),
        Message("warning", "", "w", {}, ""),
    ]


def test_a_logger_that_raises_is_ignored() -> None:
    logger = GuardedLogger(Broken())

    for child in (logger, logger.named("a"), logger.bind(x=1)):
        child.debug("d")
        child.info("i", error=ValueError())
        child.warning("w")


def test_no_logger_is_one_that_says_nothing() -> None:
    silent = GuardedLogger(None)

    silent.named("a").bind(x=1).warning("w")
    assert not silent.debug_enabled


@pytest.mark.parametrize("child", [None, "a name", 5])
def test_a_logger_without_children_that_can_log_goes_on_itself(logger: RecordingLogger, child: Any) -> None:
    class Childless(RecordingLogger):
        def named(self, name: str) -> Any:
            return child

        def bind(self, **fields: Any) -> Any:
            return child

    guarded = GuardedLogger(Childless(messages=logger.messages))
    guarded.named("a").info("of a name")
    guarded.bind(x=1).info("with a field")

    assert said(logger) == [("info", "of a name"), ("info", "with a field")]


@pytest.mark.parametrize("says", [True, False])
def test_a_logger_may_say_whether_debug_messages_get_anywhere(says: bool) -> None:
    assert GuardedLogger(type("Logger", (RecordingLogger,), {"debug_enabled": says})()).debug_enabled is says


def test_a_logger_that_does_not_say_gets_debug_messages(logger: RecordingLogger) -> None:
    class Raising(RecordingLogger):
        @property
        def debug_enabled(self) -> bool:
            raise ZeroDivisionError

    assert GuardedLogger(logger).debug_enabled
    assert GuardedLogger(Raising()).debug_enabled


def test_each_thing_is_said_once_a_minute(logger: RecordingLogger) -> None:
    now_mono = [0.5]
    warnings = Warnings(GuardedLogger(logger), lambda: now_mono[0])

    for now_mono[0], subject in ((0.5, "a"), (1.0, "a"), (1.0, "b"), (60.4, "a"), (60.5, "a"), (61.0, "a")):
        warnings.warn(subject, f"{subject} at {now_mono[0]}")

    assert [text for _, text in said(logger)] == ["a at 0.5", "b at 1.0", "a at 60.5"]


def test_a_part_that_failed_is_named_with_its_class(warnings: Warnings, logger: RecordingLogger) -> None:
    error = ZeroDivisionError("what was wrong")

    for method in ("dial", "dial", "http_client"):
        warnings.part_failed(Broken(), method, error)

    texts = [f"Broken.{method} failed: ZeroDivisionError" for method in ("dial", "http_client")]
    assert logger.messages == [Message("warning", "", text, {}, repr(error)) for text in texts]


@pytest.mark.parametrize("given", ["a name", RecordingLogger, 5])
def test_what_is_no_logger_is_refused(given: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^logger: expected an object with bind, debug, info, named, warning"):
        checked_logger(given)


def test_a_logger_that_is_checked_is_guarded(logger: RecordingLogger) -> None:
    checked_logger(logger).info("i")
    checked_logger(Broken()).info("i")
    checked_logger(None).info("i")

    assert said(logger) == [("info", "i")]
