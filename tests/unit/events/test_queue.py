from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

import mtglib
from integration.event_rules import by_stream, traffic
from mtglib.events.queue import StreamQueue
from support.event_samples import interleaved, stream_of, streams, traffic_of

LIMITED = mtglib.EventConcurrencyLimited()


def filled(queue: StreamQueue, events: Sequence[mtglib.Event]) -> StreamQueue:
    for event in events:
        queue.put(event)
    return queue


def all_of(queue: StreamQueue) -> list[mtglib.Event]:
    return queue.take(len(queue))


def test_events_come_out_as_they_went_in() -> None:
    events = [*stream_of("a", "dc"), LIMITED, *stream_of("b", "front")]

    assert all_of(filled(StreamQueue(100), events)) == events


def test_take_leaves_what_is_above_the_limit() -> None:
    events = stream_of("a", "dc")
    queue = filled(StreamQueue(100), events)

    assert queue.take(2) == events[:2]
    assert queue.take(0) == []
    assert queue.take(100) == events[2:]
    assert queue.take(1) == []


def test_stream_that_begins_when_full_is_dropped_whole() -> None:
    first, second = stream_of("a", "dc"), stream_of("b", "dc")
    queue = filled(StreamQueue(1), [first[0], *second])
    assert all_of(queue) == first[:1]

    filled(queue, [*second[1:], *first[1:]])

    assert all_of(queue) == first[1:]
    assert queue.dropped == len(second) + len(second[1:])


def test_stream_that_was_begun_is_told_to_its_end_when_full() -> None:
    events = stream_of("a", "replay")

    assert all_of(filled(StreamQueue(1), events)) == events


def test_streamless_events_are_dropped_when_full() -> None:
    queue = filled(StreamQueue(2), [LIMITED] * 5)

    assert (len(queue), queue.dropped) == (2, 3)


def test_traffic_beyond_the_bound_is_merged_by_direction() -> None:
    start, connected, *_, finish = stream_of("a", "dc")
    moved = [traffic_of("a", count, is_read=bool(count % 2)) for count in range(1, 101)]
    queue = filled(StreamQueue(2), [start, connected, *moved, finish])

    events = all_of(queue)

    assert len(events) == 5
    assert traffic(events) == (sum(range(2, 101, 2)), sum(range(1, 101, 2)))
    assert queue.dropped == 0


def test_traffic_is_not_merged_with_what_was_taken() -> None:
    queue = filled(StreamQueue(1), [stream_of("a", "dc")[0], traffic_of("a", 1)])
    taken = all_of(queue)
    filled(queue, [LIMITED, traffic_of("a", 2), traffic_of("a", 4)])

    assert traffic(taken) == (1, 0)
    assert traffic(all_of(queue)) == (6, 0)


def test_closed_queue_drops_everything() -> None:
    events = stream_of("a", "dc")
    queue = filled(StreamQueue(100), events[:3])
    queue.close()

    filled(queue, [*events[3:], LIMITED, *stream_of("b", "dc")])

    assert len(queue) == 0
    assert queue.dropped == len(events) + 1 + len(stream_of("b", "dc"))


@given(streams(), st.integers(1, 12), st.integers(0, 2**32).map(random.Random))
def test_every_stream_is_told_whole_or_not_at_all(
    told: list[list[mtglib.Event]], max_events: int, chance: random.Random
) -> None:
    queue, got = StreamQueue(max_events), []
    for event in interleaved(told, chance):
        queue.put(event)
        assert len(queue) <= max_events + 5 * len(told)
        if chance.random() < 0.3:
            got += queue.take(chance.randint(1, 3))
    got += all_of(queue)
    assert not queue._open
    assert not queue._late_traffic

    sent = {stream[0].stream_id: stream for stream in told}
    for stream in by_stream(got):
        original = sent[stream[0].stream_id]
        assert [e for e in stream if not isinstance(e, mtglib.EventTraffic)] == [
            e for e in original if not isinstance(e, mtglib.EventTraffic)
        ]
        assert traffic(stream) == traffic(original)
        assert not any(isinstance(e, mtglib.EventTraffic) for e in (stream[0], stream[-1]))


@given(st.integers(1, 8), st.integers(1, 5), st.integers(0, 2**32).map(random.Random))
def test_bound_holds_for_any_number_of_streams_one_after_another(
    max_events: int, concurrency: int, chance: random.Random
) -> None:
    queue = StreamQueue(max_events)
    running = [stream_of(f"0-{slot}", "replay") for slot in range(concurrency)]
    for number in range(1, 300):
        stream = chance.choice(running)
        queue.put(stream.pop(0))
        if len(stream) == 1 and chance.random() < 0.8:  # goes on moving bytes
            stream.insert(0, traffic_of(stream[0].stream_id, 1, is_read=chance.random() < 0.5))
        if not stream:
            stream.extend(stream_of(f"{number}", "replay"))
        if chance.random() < 0.2:
            queue.take(1)
        assert len(queue) <= max_events + 5 * concurrency
