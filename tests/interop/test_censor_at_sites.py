"""Clients' connections beside those to real sites: the short form of `make censor`, without times and far sites."""

from __future__ import annotations

import pytest
from tools.censor.bench import bench
from tools.censor.observation import SHAPES
from tools.censor.sites import FRONTS
from tools.probes.sites import ITSELF, RELAYS

import mtglib

_TRIES = 6
"""The fewest with which a flight out of the site's spread can be told from chance."""
_DOWNLOADS = 4
_ONE_SEGMENT_BYTES = 1448

RECORDS_OF_AN_ANSWER = 3
"""ServerHello, ChangeCipherSpec and one encrypted record, as clients require; each of these sites sends more."""


@pytest.mark.parametrize("front", [name for name in FRONTS if name not in ("far", "jittery")])
async def test_clients_and_visitors_are_compared(front: str, subtests: pytest.Subtests) -> None:
    if reason := FRONTS[front][1]():
        pytest.skip(reason)
    relays = [name for name in RELAYS if name != "native" or mtglib.engine_description() == "native"]
    # Few signatures of an EC key don't show their spread.
    async with bench(front, "rsa", [*relays, ITSELF], with_times=False) as here:
        found = [one for shape in SHAPES for one in await here.compare(shape, _TRIES)]
        downloads = await here.download(_DOWNLOADS)

    assert [(one.shape, one.proxy) for one in found] == [
        (shape, proxy) for shape in SHAPES for proxy in (ITSELF, *relays)
    ]
    for one in found:
        with subtests.test(f"{one.shape} {one.proxy}"):
            assert one.differences == {}
            if one.proxy != ITSELF:
                assert {len(seen.record_bytes) for seen in one.at_proxy} == {RECORDS_OF_AN_ANSWER}, "not the site's own"
    for of in downloads:
        with subtests.test(f"downloads {of.proxy}"):
            for sizes, pauses_seconds in (*of.at_site, *of.at_proxy):
                assert sum(sizes) > 100_000
                assert max(sizes[:2]) < _ONE_SEGMENT_BYTES, "tickets, settings"
                assert max(sizes) == 16_401
                assert len(pauses_seconds) == len(sizes)
                assert min(pauses_seconds) >= 0 < max(pauses_seconds)
