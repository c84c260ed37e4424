"""What the options decide, and how long a stream keeps that."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from integration.recording_logger import RecordingLogger
from mtglib import FrontLearning, ProxyOpts
from mtglib.answers import LearntAnswer, Offer
from mtglib.front.dial import Front
from mtglib.generation import Generation
from mtglib.network import Direct
from mtglib.reasons import Reason
from mtglib.wire.server_flight import Flight
from mtglib.wire.server_hello import AnswerShape
from support.timeless import timeless
from unit.surroundings import DC, SECRET, Surroundings, Visit, options, over, surroundings


@timeless
async def test_it_is_made_of_the_options() -> None:
    network = Direct()
    opts = options(network=network, keep_alive=True, congestion_control=None, domain_fronting_port=444)
    async with surroundings() as around:
        made = Generation.of(opts, around.shared, [])

    assert made.opts is opts
    assert list(made.keys.candidates.all.secrets) == [SECRET]
    assert made.dcs.choose(DC).dc == DC
    assert made.client_socket_options.remote != ()
    assert isinstance(made.fronts.default, Front)


async def client_of(around: Surroundings) -> Visit:
    """A client that has its DC."""
    visit = around.visit()
    client = around.client(visit)
    await client.send_hello()
    await client.receive_answer()
    await client.send_frame()
    dc = await around.data_centre()
    await client.send(b"question")
    await dc.recv_exactly(8)
    return visit


async def visitor_of(around: Surroundings) -> Visit:
    """A visitor that has the site."""
    visit = around.visit()
    visit.peer.send(b"GET / HTTP/1.1\r\n\r\n")
    await around.far_end()
    await relayed(around)
    return visit


async def slow_visitor_of(around: Surroundings) -> Visit:
    """One that got the site before it was certain who it is."""
    visit = around.visit()
    visit.peer.send(b"\x16")
    await around.far_end()
    visit.peer.send(b"no hello")
    await relayed(around)
    return visit


async def relayed(around: Surroundings) -> None:
    while not around.shared.relay.load().connections:
        await asyncio.sleep(0)


@pytest.mark.parametrize("begin", [client_of, visitor_of, slow_visitor_of])
@timeless
async def test_a_relay_keeps_nothing_of_it(begin: Callable[[Surroundings], Awaitable[Visit]]) -> None:
    async with surroundings() as around:
        visit = await begin(around)
        kept = {name: weakref.ref(part) for name, part in parts_of(around.generation).items()}

        del around.generation
        gc.collect()

        assert {name for name, part in kept.items() if part() is not None} == set()
        assert not visit.running.done()
        visit.entry.end(Reason.ENDED)
        await over(visit)


def parts_of(generation: Generation) -> dict[str, object]:
    return {
        "generation": generation,
        "front": generation.fronts.default,
        "blocklist": generation.opts.ip_blocklist,
        "memory": generation.opts.anti_replay_cache,
    }


OFFER = Offer((0x1D,), (0x1301,), (0x1D,), (), ())
FLIGHT = Flight(AnswerShape(0x1301, (43, 51), 0x1D), 127, 3000)


def following(opts: ProxyOpts, around: Surroundings, previous: Generation) -> Front:
    """The site of a generation that replaces another one."""
    return Generation.of(opts, around.shared, [], previous).fronts.default


@timeless
async def test_what_was_learnt_is_known_to_the_next_one() -> None:
    async with surroundings() as around:
        first = Generation.of(options(front_learning=FrontLearning(samples=2)), around.shared, [])
        lessons = first.fronts.default.lessons
        assert lessons is not None
        lessons.answers.restore(SECRET.host, [LearntAnswer(b"key", OFFER, [FLIGHT] * 2, 7.0)])
        for samples in (1, 2):
            later = following(options(front_learning=FrontLearning(samples=samples)), around, first).lessons
            assert later is not None
            assert later is not lessons, "another logger, at least"
            (learnt,) = later.answers.of(SECRET.host)
            assert (len(learnt.flights), learnt.learnt_unix) == (samples, 7.0)
        assert following(options(), around, first).lessons is None


@timeless
async def test_who_learns_goes_on_where_nothing_of_it_has_changed() -> None:
    async with surroundings() as around:
        opts = options(front_learning=FrontLearning(), record_urls=(f"https://{SECRET.host}/",))
        first = Generation.of(opts, around.shared, [])
        front = first.fronts.default
        second = Generation.of(replace(opts, concurrency=7, network=Direct()), around.shared, [], first)
        other = following(replace(opts, record_repeats=1, logger=RecordingLogger()), around, first)

        assert second.fronts.default.lessons is front.lessons
        assert second.fronts.default.record_learner is front.record_learner
        assert other.record_learner is not front.record_learner
        second.fronts.begin(first.fronts)
        await first.fronts.close(second.fronts)
        assert second.fronts.latest_answers == ()
