"""One line a minute about visitors, however many there are."""

from __future__ import annotations

import asyncio
from typing import Any

from integration.recording_logger import RecordingLogger
from mtglib import Reason
from mtglib.roster import Entry, State
from mtglib.visitor_log import VisitorLog
from support.timeless import timeless
from unit.surroundings import visitor


def make_log() -> tuple[VisitorLog, RecordingLogger]:
    logger: Any = RecordingLogger()
    return VisitorLog(logger), logger


@timeless
async def test_a_minute_of_visitors_is_one_line() -> None:
    log, logger = make_log()
    for network, reason in ((1, Reason.SNI), (2, Reason.NOT_TLS), (2, Reason.SNI), (None, Reason.SNI)):
        log.came(network, reason)
    await asyncio.sleep(59)
    assert logger.messages == []
    await asyncio.sleep(2)

    (line,) = logger.messages
    assert (line.level, line.text) == ("info", "visitors of the last minute")
    assert line.fields == {"visitors": 4, "networks": 3, "reasons": {"sni": 3, "not_tls": 1}, "evicted": 0}
    assert list(line.fields["reasons"]) == ["sni", "not_tls"], "the most frequent one first"


@timeless
async def test_the_next_minute_begins_at_zero_and_with_the_next_visitor() -> None:
    log, logger = make_log()
    log.came(1, Reason.SNI)
    await asyncio.sleep(1000)
    assert len(logger.messages) == 1, "silence is no news"
    log.came(1, Reason.CLOCK)
    await asyncio.sleep(61)

    assert logger.messages[1].fields == {"visitors": 1, "networks": 1, "reasons": {"clock": 1}, "evicted": 0}


@timeless
async def test_who_had_to_make_room_is_a_visitor_if_it_was_not_counted_as_one_before() -> None:
    log, logger = make_log()
    known, unknown = Entry("known", visitor(), 0.0), Entry("unknown", visitor(), 0.0)
    known.state = State.FRONTED
    log.came(known.network, Reason.SNI)
    log.evicted(known)
    log.evicted(unknown)
    log.close()

    assert logger.messages[0].fields == {
        "visitors": 2,
        "networks": 1,
        "reasons": {"sni": 1, "evicted": 1},
        "evicted": 2,
    }


@timeless
async def test_an_eviction_alone_is_told_too() -> None:
    log, logger = make_log()
    (entry := Entry("known", visitor(), 0.0)).state = State.FRONTED
    log.evicted(entry)
    await asyncio.sleep(61)

    assert logger.messages[0].fields == {"visitors": 0, "networks": 0, "reasons": {}, "evicted": 1}


@timeless
async def test_closing_sums_up_what_was_not_yet_and_nothing_twice() -> None:
    log, logger = make_log()
    log.close()
    assert logger.messages == []
    log.came(1, Reason.SNI)
    log.close()
    await asyncio.sleep(100)

    assert len(logger.messages) == 1


@timeless
async def test_a_flood_of_networks_is_counted_up_to_a_bound() -> None:
    log, logger = make_log()
    for network in range(12_000):
        log.came(network, Reason.NOT_TLS)
    log.close()

    assert (logger.messages[0].fields["visitors"], logger.messages[0].fields["networks"]) == (12_000, 10_000)
