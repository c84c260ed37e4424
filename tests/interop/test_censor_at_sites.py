"""Clients' connections beside those to real sites: the short form of `make censor`, without times."""

from __future__ import annotations

import pytest
from tools.censor.bench import bench
from tools.censor.observation import SHAPES
from tools.censor.sites import FRONTS
from tools.probes.sites import ITSELF, RELAYS

import mtglib
from support.nginx_site import Key

_TRIES = 6
"""The fewest with which a flight out of the site's spread can be told from chance."""
_DOWNLOADS = 4

RECORDS_TELL_UNTIL_THEY_ARE_LEARNT = True
"""Whether the sizes of a download's records tell for certain where it comes from."""


@pytest.mark.parametrize(("front", "key"), [("nginx", "ec"), ("node", "rsa")])
async def test_clients_and_visitors_are_compared(front: str, key: Key, subtests: pytest.Subtests) -> None:
    if reason := FRONTS[front][1]():
        pytest.skip(reason)
    relays = [name for name in RELAYS if name != "native" or mtglib.engine_description() == "native"]
    async with bench(front, key, [*relays, ITSELF], with_times=False) as here:
        found = [one for shape in SHAPES for one in await here.compare(shape, _TRIES)]
        downloads = await here.download(_DOWNLOADS)

    assert [(one.shape, one.proxy) for one in found] == [
        (shape, proxy) for shape in SHAPES for proxy in (ITSELF, *relays)
    ]
    for one in found:
        with subtests.test(f"{one.shape} {one.proxy}"):
            assert one.differences == {}
    for of in downloads:
        with subtests.test(f"downloads {of.proxy}"):
            assert all(sum(sizes) > 100_000 for sizes in (*of.at_site, *of.at_proxy))
            if of.proxy != ITSELF:
                assert (of.auc == 1) is RECORDS_TELL_UNTIL_THEY_ARE_LEARNT, of.feature
