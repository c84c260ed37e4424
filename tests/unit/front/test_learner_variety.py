"""How often a site is asked whose times vary, and one whose times don't."""

from __future__ import annotations

import itertools
import random
from bisect import bisect_right
from collections.abc import Iterable

from support.timeless import timeless
from unit.front.test_learner import HOST, HOUR, Asking
from unit.front.test_learner import asking as asking  # a fixture


async def asked_mono(asking: Asking, dial_seconds: Iterable[float], hours: float = 40) -> list[float]:
    """Have a client come each minute; return when the site was asked, and took so long."""
    times, found = itertools.cycle(dial_seconds), []
    end_mono = asking.now_mono + hours * HOUR
    while asking.now_mono < end_mono:
        asking.now_mono += 60
        asking.sites.clear()
        asking.dial_seconds = next(times)
        asking.saw()
        if asking.learner.learning is not None:
            found.append(asking.now_mono)
            if asking.refusal is None:
                await asking.answered()
            else:
                await asking.over()
    return found


@timeless
async def test_a_site_whose_times_vary_is_asked_a_few_times_an_hour_until_64_are_known(asking: Asking) -> None:
    chance = random.Random(5)
    asked = await asked_mono(asking, [chance.uniform(0.007, 0.031) for _ in range(997)])

    assert len([now_mono for now_mono in asked if now_mono < 28 * HOUR]) >= 64
    busiest = max(bisect_right(asked, now_mono + HOUR) - number for number, now_mono in enumerate(asked[8:], 8))
    assert busiest <= 7, "the first eight are about other things, too"
    assert len(asked) < 64 + 12, "then once each few hours, as before"
    assert len(asking.answers.waits(HOST).waits) == 64
    assert len(asking.sizes()) == 3


@timeless
async def test_one_whose_times_do_not_vary_is_not(asking: Asking) -> None:
    asking.knows_others()
    asked = await asked_mono(asking, (0.02, 0.0201, 0.0202, 0.0201, 0.07))

    assert len(asked) < 3 + 40 / 3


@timeless
async def test_one_that_is_down_is_left_alone(asking: Asking) -> None:
    asking.knows_others()
    await asked_mono(asking, (0.02, 0.03, 0.04, 0.05, 0.07), 2)
    asking.refusal = OSError("nobody there")

    assert len(await asked_mono(asking, (0.0,), 10)) <= 10 * 6
