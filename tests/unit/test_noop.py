"""The null objects are whole parts, and do nothing."""

from __future__ import annotations

from ipaddress import ip_address

import mtglib
from mtglib import noop


def test_each_has_all_of_its_interface() -> None:
    assert isinstance(noop.NoopAntiReplayCache(), mtglib.AntiReplayCache)
    assert isinstance(noop.NoopIPBlocklist(), mtglib.IPBlocklist)
    assert isinstance(noop.NoopEventStream(), mtglib.EventStream)
    assert isinstance(noop.NoopLogger(), mtglib.Logger)


async def test_the_cache_forgets_everything() -> None:
    cache = noop.NoopAntiReplayCache()

    assert [await cache.seen_before(b"a"), await cache.seen_before(b"a")] == [False, False]


async def test_the_list_is_empty_and_has_nothing_to_update() -> None:
    ip_list = noop.NoopIPBlocklist()

    await ip_list.run(60.0)
    await ip_list.shutdown()
    assert not ip_list.contains(ip_address("192.0.2.1"))


def test_the_rest_takes_everything_in_silence() -> None:
    logger = noop.NoopLogger().named("a").bind(b=1)
    for log in (logger.debug, logger.info, logger.warning):
        log("message", error=ValueError())
    noop.NoopEventStream().send(mtglib.EventFinish())
