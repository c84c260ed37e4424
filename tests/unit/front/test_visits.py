"""Whose times count, and what is drawn from them."""

from __future__ import annotations

import pytest

from mtglib.answers import Answers
from mtglib.front.visits import VisitTimes
from mtglib.reasons import Reason
from mtglib.relay.job import RelayResult
from mtglib.wire.hello_shape import parse_shape
from mtglib.wire.server_flight import Flight
from mtglib.wire.server_hello import AnswerShape
from support.client_hello import build_client_hello, hello_records

HOST = "front.example"
HELLO = hello_records(build_client_hello(HOST, shape="old"))
SHAPE = parse_shape(HELLO)
KEY = (HOST, SHAPE.key)
FLIGHT = Flight(AnswerShape(0x1301, (0x2B, 0x33), 0x1D), 127, 1000)


class Clock:
    def __init__(self) -> None:
        self.now_mono = 1000.0

    def __call__(self) -> float:
        return self.now_mono


def visits(host: str = HOST, clock: Clock | None = None) -> VisitTimes:
    answers = Answers(3)
    answers.add(host, SHAPE, FLIGHT, 0.0)
    return VisitTimes(host, answers, clock or Clock())


def result(first_byte_seconds: float | None = 0.03, to_client_bytes: int = 1127) -> RelayResult:
    return RelayResult(len(HELLO), to_client_bytes, Reason.CLIENT_EOF, first_byte_seconds)


def visit(times: VisitTimes, seconds: float, began_mono: float = 1000.0) -> None:
    """A visitor who waits so long for the connection and for the first byte."""
    begun = times.begin(HELLO, began_mono)
    assert begun is not None
    times.end(begun, began_mono + seconds, result(seconds))


def drawn(times: VisitTimes) -> set[float]:
    waits = [times.draw(KEY) for _ in range(300)]
    assert all(wait is not None and wait.connect_seconds == pytest.approx(wait.first_byte_seconds) for wait in waits)
    return {wait.first_byte_seconds for wait in waits if wait is not None}


def jittery(clock: Clock) -> VisitTimes:
    """The visits of a site of which it was learnt that it takes 20, 40 or 60 ms."""
    answers = Answers(1)
    for seconds in (0.01, 0.02, 0.03):
        answers.add(HOST, SHAPE, FLIGHT._replace(connect_seconds=seconds, first_byte_seconds=seconds), 0.0)
    return VisitTimes(HOST, answers, clock)


def test_waits_of_the_last_two_seconds_are_drawn_as_they_were() -> None:
    clock = Clock()
    times = visits(clock=clock)
    assert times.draw(KEY) is None
    for seconds in (0.01, 0.02, 0.03):
        visit(times, seconds)

    assert drawn(times) == {0.01, 0.02, 0.03}, "or this is one in a billion"
    clock.now_mono += 1.9
    visit(times, 0.04, clock.now_mono)
    clock.now_mono += 0.5
    assert drawn(times) == {0.04}
    clock.now_mono += 2
    assert times.draw(KEY) is None, "a few visits say little"


def test_many_recent_waits_are_drawn_as_they_were_too() -> None:
    times, seconds = visits(), [number / 1000 for number in range(1, 11)]
    for each in seconds:
        visit(times, each)

    assert drawn(times) <= set(seconds)


def test_a_visit_that_took_long_is_not_a_recent_one() -> None:
    clock = Clock()
    times = visits(clock=clock)
    visit(times, 0.01, clock.now_mono + 10)
    visit(times, 0.02, clock.now_mono)
    clock.now_mono += 11

    assert drawn(times) == {0.01}


def test_without_recent_visits_clients_wait_as_long_as_the_faster_half() -> None:
    clock = Clock()
    times = visits(clock=clock)
    for number in range(1, 11):
        visit(times, number / 1000, clock.now_mono)
        clock.now_mono += 10.1

    assert drawn(times) == {0.001, 0.002, 0.003, 0.004, 0.005}
    clock.now_mono += 3600
    assert times.draw(KEY) is None


def test_a_burst_of_visitors_makes_nobody_wait_when_it_is_over() -> None:
    clock = Clock()
    times = visits(clock=clock)
    for _ in range(10):
        visit(times, 0.001, clock.now_mono)
        clock.now_mono += 10.1
    for _ in range(1000):
        visit(times, 0.1, clock.now_mono)
        clock.now_mono += 0.02

    assert drawn(times) == {0.1}, "as everybody's"
    clock.now_mono += 3
    assert drawn(times) == {0.001}


def test_waits_are_those_of_a_site_whose_times_vary_and_not_its_quickest() -> None:
    found = drawn(jittery(Clock()))

    assert 0.01 <= min(found) < 0.012
    assert 0.028 < max(found) <= 0.03
    assert len(found) > 250, "hardly two are alike"


def test_visits_of_the_last_hour_count_like_what_was_learnt() -> None:
    clock = Clock()
    times = jittery(clock)
    for _ in range(3):
        visit(times, 0.05, clock.now_mono)
        clock.now_mono += 10.1
    assert 0.03 < max(drawn(times)) <= 0.05

    clock.now_mono += 3600
    assert max(drawn(times)) <= 0.03


def test_few_visits_cannot_be_recognised_in_clients_waits() -> None:
    clock = Clock()
    times = jittery(clock)
    for _ in range(7):
        visit(times, 0.02)
    assert len(drawn(times)) > 100

    visit(times, 0.02)
    assert drawn(times) == {0.02}, "many say what the site is like now"


def test_a_site_that_is_slow_now_is_for_clients_too() -> None:
    clock = Clock()
    times = jittery(clock)
    for number in range(10):
        visit(times, 0.09 + number / 1000)
    assert min(drawn(times)) >= 0.09

    clock.now_mono += 3
    assert min(drawn(times)) < 0.03


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"",
        HELLO[:-1],
        HELLO + b"\x14",
        hello_records(build_client_hello("other.example", shape="old")),
        hello_records(build_client_hello(HOST, shape="modern")),
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
    ],
    ids=["HTTP", "nothing", "a part", "more", "another host", "another shape", "malformed"],
)
def test_who_says_anything_but_a_clients_hello_teaches_nothing(said: bytes) -> None:
    assert visits().begin(said, 0.1) is None


def test_names_of_hosts_are_the_same_in_any_case() -> None:
    assert visits("Front.Example").begin(HELLO, 0.1) is not None


def test_before_anything_is_learnt_of_the_site_nobody_counts() -> None:
    assert VisitTimes(HOST, Answers(3), Clock()).begin(HELLO, 0.1) is None


@pytest.mark.parametrize("refused", [result(None, 0), result(0.01, 7), result(0.01, 126)])
def test_a_site_that_did_not_answer_counts_for_nothing(refused: RelayResult) -> None:
    times = visits()
    begun = times.begin(HELLO, 1000.0)
    assert begun is not None
    times.end(begun, 1000.1, refused)

    assert times.draw(KEY) is None


def test_hellos_that_are_longer_than_any_clients_are_not_taken_apart() -> None:
    answers, hello = Answers(3), hello_records(build_client_hello(HOST, shape="old", suites=b"\x13\x01" * 2100))
    answers.add(HOST, parse_shape(hello), FLIGHT, 0.0)

    assert VisitTimes(HOST, answers, Clock()).begin(hello, 0.1) is None


def test_few_shapes_are_kept_and_the_least_used_goes() -> None:
    times = visits()
    begun = times.begin(HELLO, 1000.0)
    assert begun is not None
    for number in range(64):
        times.end(begun._replace(key=(f"{number}.example", SHAPE.key)), 1000.1, result())
    times.draw(("0.example", SHAPE.key))
    times.end(begun, 1000.1, result())

    assert len(times) == 64
    assert times.draw(("0.example", SHAPE.key)) is not None
    assert times.draw(("1.example", SHAPE.key)) is None
