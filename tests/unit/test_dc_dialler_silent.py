"""What is remembered of a DC's addresses that were silent: they are tried last, for a minute."""

from __future__ import annotations

import socket

import pytest

from mtglib.dc import DCAddress, DCChoice
from mtglib.dc_dialler import DCDialler
from mtglib.ground.guarded_logger import Warnings
from support.timeless import timeless
from unit.scripted_dials import Answer, connected, refused, silent
from unit.two_families import BOTH, FOUR_A, SIX_A, SIX_B, Fates, Timers


class Clock:
    def __init__(self) -> None:
        self.now_mono = 1000.0

    def __call__(self) -> float:
        return self.now_mono


async def test_an_address_that_timed_out_is_tried_last_for_a_minute(warnings: Warnings) -> None:
    network, clock = Fates({SIX_A: silent, FOUR_A: connected}), Clock()
    dialler = DCDialler(network, 0.02, warnings, clock)

    async def tried() -> list[str]:
        network.dialled.clear()
        (await dialler.dial(BOTH))[0].close()
        return network.hosts

    assert await tried() == [SIX_A.host, FOUR_A.host]
    network.fates[SIX_B] = refused
    assert await tried() == [FOUR_A.host]
    clock.now_mono += 59
    assert await tried() == [FOUR_A.host]
    clock.now_mono += 1
    assert await tried() == [SIX_A.host, FOUR_A.host]


@pytest.mark.parametrize("fate", [refused, connected])
async def test_an_address_that_answers_keeps_its_place(fate: Answer, warnings: Warnings) -> None:
    network = Fates({SIX_A: fate, FOUR_A: connected})
    dialler = DCDialler(network, 5.0, warnings)

    for _ in range(2):
        network.dialled.clear()
        (await dialler.dial(BOTH))[0].close()
        assert network.hosts[0] == SIX_A.host


@timeless
async def test_an_address_that_was_overtaken_is_tried_last(warnings: Warnings) -> None:
    network = Fates({SIX_A: silent, FOUR_A: connected})
    dialler = DCDialler(network, 3600.0, warnings, Clock())

    (await dialler.dial(BOTH))[0].close()
    network.dialled.clear()
    (await dialler.dial(BOTH))[0].close()

    assert network.hosts == [FOUR_A.host]


@pytest.mark.parametrize(("had_seconds", "tried_first"), [(0.249, FOUR_A), (0.1, SIX_A)])
async def test_an_address_that_had_no_quarter_of_a_second_was_not_overtaken(
    had_seconds: float, tried_first: DCAddress, warnings: Warnings, timers: Timers
) -> None:
    """A timer of an event loop may go off a millisecond early."""

    async def after_that() -> socket.socket:
        timers.now_mono += had_seconds
        return await connected()

    timers.most = 1
    network = Fates({SIX_A: silent, FOUR_A: after_that})
    dialler = DCDialler(network, 3600.0, warnings, Clock())
    (await dialler.dial(BOTH))[0].close()
    network.fates[SIX_A] = connected
    network.dialled.clear()
    (await dialler.dial(BOTH))[0].close()

    assert network.hosts == [tried_first.host]


async def test_an_address_that_works_again_has_its_place_back(warnings: Warnings) -> None:
    network = Fates({SIX_A: silent, FOUR_A: connected})
    choice = DCChoice(2, 2, (SIX_A, FOUR_A))
    dialler = DCDialler(network, 0.02, warnings, Clock())
    (await dialler.dial(choice))[0].close()
    network.fates = {SIX_A: connected, FOUR_A: refused}
    (await dialler.dial(choice))[0].close()
    network.dialled.clear()

    (await dialler.dial(choice))[0].close()

    assert network.hosts == [SIX_A.host]
