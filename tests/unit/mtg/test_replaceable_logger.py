"""A logger that parts keep while what it does is replaced."""

from __future__ import annotations

import gc
import weakref

from integration.recording_logger import RecordingLogger
from mtg.replaceable_logger import ReplaceableLogger
from mtglib.noop import NoopLogger


def test_it_and_its_children_follow() -> None:
    first, second = RecordingLogger(), RecordingLogger()
    logger = ReplaceableLogger(first)
    grandchild = logger.named("proxy").named("events")
    bound = grandchild.bind(stream_id="x")
    logger.replace(second)

    for each in (logger, grandchild):
        each.debug("d")
        each.info("i")
        each.warning("w", error=ValueError())
    bound.info("of a connection")
    assert [message.text for message in first.messages] == ["of a connection"]
    assert [message.level for message in second.messages] == ["debug", "info", "warning"] * 2


def test_it_says_what_is_logged_now() -> None:
    logger = ReplaceableLogger(RecordingLogger())
    logger.replace(NoopLogger())
    assert (logger.debug_enabled, logger.info_enabled) == (NoopLogger.debug_enabled, NoopLogger.info_enabled)


def test_it_keeps_no_child() -> None:
    logger = ReplaceableLogger(NoopLogger())
    child = weakref.ref(logger.named("gone"))
    gc.collect()
    assert child() is None
