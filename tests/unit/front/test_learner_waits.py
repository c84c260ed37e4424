"""How long the site's further bytes are waited for when it is asked."""

from __future__ import annotations

import asyncio

from support.timeless import timeless
from unit.front.test_learner import HOUR, Asking
from unit.front.test_learner import asking as asking  # a fixture


@timeless
async def test_the_site_cannot_tell_us_by_how_long_we_wait_for_more(asking: Asking) -> None:
    loop, waits = asyncio.get_running_loop(), set()
    for _ in range(5):
        asking.now_mono += 8 * HOUR
        began_mono = loop.time()
        await asking.learn()
        waits.add(loop.time() - began_mono)

    assert len(waits) == 5
