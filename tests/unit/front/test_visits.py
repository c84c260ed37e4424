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


def visits(host: str = HOST) -> VisitTimes:
    answers = Answers(3)
    answers.add(host, SHAPE, Flight(AnswerShape(0x1301, (0x2B, 0x33), 0x1D), 127, 1000), 0.0)
    return VisitTimes(host, answers)


def result(first_byte_seconds: float | None = 0.03, to_client_bytes: int = 1127) -> RelayResult:
    return RelayResult(len(HELLO), to_client_bytes, Reason.CLIENT_EOF, first_byte_seconds)


def visit(times: VisitTimes, connect_seconds: float, result: RelayResult) -> None:
    begun = times.begin(HELLO, 1000.0)
    assert begun is not None
    times.end(begun, 1000.0 + connect_seconds, result)


def test_visits_are_drawn_as_they_were() -> None:
    times = visits()
    for number in range(8):
        assert times.draw(KEY) is None, "too few"
        visit(times, float(number), result(number / 10))

    drawn = {times.draw(KEY) for _ in range(300)}

    assert drawn == {(float(number), number / 10) for number in range(8)}, "or this is one in a billion"


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
    assert VisitTimes(HOST, Answers(3)).begin(HELLO, 0.1) is None


@pytest.mark.parametrize("refused", [result(None, 0), result(0.01, 7), result(0.01, 126)])
def test_a_site_that_did_not_answer_counts_for_nothing(refused: RelayResult) -> None:
    times = visits()
    for _ in range(20):
        visit(times, 0.1, refused)

    assert times.draw(KEY) is None


def test_the_latest_visits_count() -> None:
    times = visits()
    for number in range(400):
        visit(times, float(number), result(float(number)))

    drawn = [times.draw(KEY) for _ in range(100)]
    assert all(one is not None and min(one) >= 400 - 128 for one in drawn)


def test_few_shapes_are_kept_and_the_least_used_goes() -> None:
    times = visits()
    begun = times.begin(HELLO, 0.1)
    assert begun is not None
    for number in range(64):
        for _ in range(8):
            times.end(begun._replace(key=(f"{number}.example", SHAPE.key)), 0.2, result())
    times.draw(("0.example", SHAPE.key))
    times.end(begun, 0.2, result())

    assert len(times) == 64
    assert times.draw(("0.example", SHAPE.key)) is not None
    assert times.draw(("1.example", SHAPE.key)) is None
