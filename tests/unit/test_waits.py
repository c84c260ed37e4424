"""What is drawn from a site's waits."""

from __future__ import annotations

import itertools
import random
import statistics
from bisect import bisect_right
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.waits import Wait, WaitDistribution

SECONDS = st.floats(0, 10)
MEASURED = st.lists(st.builds(Wait, SECONDS, SECONDS).filter(lambda wait: wait.seconds > 1e-6), min_size=1, max_size=80)


def waits(*milliseconds: float) -> list[Wait]:
    return [Wait(each / 4000, each * 3 / 4000) for each in milliseconds]


def chances(seed: int) -> Callable[[], float]:
    return random.Random(seed).random


@given(MEASURED, st.integers(0))
def test_a_drawn_wait_is_between_the_shortest_and_the_longest(measured: list[Wait], seed: int) -> None:
    distribution, chance = WaitDistribution(measured), chances(seed)
    shortest, longest = min(wait.seconds for wait in measured), max(wait.seconds for wait in measured)

    for _ in range(20):
        drawn = distribution.draw(chance)
        assert min(drawn) >= 0
        assert shortest * 0.999 <= drawn.seconds <= longest * 1.001


@given(MEASURED)
def test_each_is_drawn_with_no_chance_beside_it(measured: list[Wait]) -> None:
    """Of three numbers, the first one chooses, and two that are equal leave it as it is."""
    distribution = WaitDistribution(measured)
    for number, wait in enumerate(sorted(measured, key=lambda wait: wait.seconds)):
        chance = itertools.chain([(number + 0.5) / len(measured)], itertools.repeat(0.5))

        assert distribution.draw(lambda chance=chance: next(chance)) == pytest.approx(wait)  # type: ignore[misc]


def test_the_way_to_the_site_and_its_work_keep_their_parts() -> None:
    distribution, chance = WaitDistribution(waits(10, 20, 30)), chances(1)
    for _ in range(100):
        drawn = distribution.draw(chance)
        assert drawn.connect_seconds / drawn.seconds == pytest.approx(0.25)


SITES: dict[str, Callable[[random.Random], float]] = {
    "even": lambda chance: chance.uniform(7, 31),
    "usually quick": lambda chance: 10 + chance.expovariate(1 / 4),
    "a busy network": lambda chance: 20 + chance.lognormvariate(1, 0.8),
}


def distance(some: list[float], others: list[float]) -> float:
    """The largest difference between two samples' distributions, as in the Kolmogorov-Smirnov test."""
    some, others = sorted(some), sorted(others)
    return max(abs(bisect_right(some, at) / len(some) - bisect_right(others, at) / len(others)) for at in some + others)


@pytest.mark.parametrize("site", SITES)
def test_the_more_is_measured_the_nearer_drawn_waits_are_to_the_sites(site: str) -> None:
    chance = random.Random(5)
    usual = [SITES[site](chance) / 1000 for _ in range(2000)]
    distances = []
    for count in (3, 12, 64, 1000):
        tries = []
        for _ in range(20):
            distribution = WaitDistribution(waits(*(SITES[site](chance) for _ in range(count))))
            tries.append(distance(usual, [distribution.draw(chance.random).seconds for _ in range(500)]))
        distances.append(statistics.median(tries))

    assert distances == sorted(distances, reverse=True)
    assert distances[2] < 0.13, "0.163 is where two samples of 200 can be told apart (p < 0.01)"
    assert distances[3] < 0.07


@pytest.mark.parametrize(
    ("milliseconds", "varies"),
    [
        ((), False),
        ((10,), False),
        ((10, 40), False),
        ((10, 40, 70), True),
        ((0.5, 0.6, 0.7), False),
        ((0.5, 0.6, 30), False),
        ((0.5, 0.5, 0.6, 8, 30), False),
        ((30, 30.9, 30.99), False),
        ((30, 31.1, 31.2), True),
        ((0, 0, 10), False),
    ],
)
def test_a_site_varies_by_more_than_our_own_event_loop_makes_single_waits_longer(
    milliseconds: tuple[float, ...], varies: bool
) -> None:
    assert WaitDistribution(waits(*milliseconds)).varies is varies


def test_waits_that_nobody_has_measured_say_nothing() -> None:
    assert WaitDistribution([Wait(0, 0), Wait(0, 0.02), Wait(0, 0)]).waits == [Wait(0, 0.02)]
