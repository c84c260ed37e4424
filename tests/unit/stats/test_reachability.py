from __future__ import annotations

from integration.recording_logger import RecordingLogger
from mtglib.ground.guarded_logger import GuardedLogger
from mtglib.stats.reachability import Reachability
from unit.recorders import said

REFUSED = ConnectionRefusedError("refused")
LOST, BACK = ("warning", "statsd can't be reached"), ("info", "statsd can be reached again")


def after(logger: RecordingLogger, *sendings: OSError | None) -> list[tuple[str, str]]:
    reachability = Reachability("statsd", GuardedLogger(logger))
    for error in sendings:
        reachability.sent(error)
    return said(logger)


def test_what_works_is_not_mentioned(logger: RecordingLogger) -> None:
    assert after(logger, None, None, None) == []


def test_refusals_of_every_second_sending_are_one_outage(logger: RecordingLogger) -> None:
    assert after(logger, None, REFUSED, None, REFUSED, None, REFUSED, REFUSED) == [LOST]
    assert logger.messages[0].error == repr(REFUSED)


def test_it_works_again_when_two_sendings_went_well(logger: RecordingLogger) -> None:
    assert after(logger, REFUSED, None, None, None, None, REFUSED, None, None) == [LOST, BACK, LOST, BACK]
