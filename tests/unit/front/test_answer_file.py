"""What was learnt is read back as it was, and whatever else is in the file costs nothing but itself."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.answers import MOST_SHAPES, LearntAnswer, Offer
from mtglib.front.answer_file import read_answers, write_answers
from mtglib.waits import Wait
from mtglib.wire.hello_shape import parse_shape
from mtglib.wire.server_flight import Flight
from mtglib.wire.server_hello import AnswerShape
from support.client_hello import Shape, build_client_hello, hello_records

HOST = "front.example"


def learnt(shape: Shape = "modern", *sizes: int) -> LearntAnswer:
    hello = parse_shape(hello_records(build_client_hello(HOST, shape=shape)))
    answer = AnswerShape(0x1301, (0x33, 0x2B), 0x001D)
    flights = [Flight(answer, 127, size, connect_seconds=0.02, first_byte_seconds=0.03) for size in sizes or (1000,)]
    waits = [(1_700_000_000.5, Wait(0.02, 0.03))] * len(flights)
    return LearntAnswer(hello.key, Offer.of(hello), flights, 1_700_000_000.5, waits)


def test_it_is_read_as_it_was_written_in_the_same_order() -> None:
    answers = [learnt("old"), learnt("modern", 2000, 2001, 2002)]

    assert read_answers(HOST, write_answers(HOST, answers)) == (answers, 0)
    assert read_answers(HOST, write_answers(HOST, [])) == ([], 0)


def changed(*path: str | int, to: Any) -> bytes:
    """A file with two answers, of which something in the second one is changed."""
    *lines, last = write_answers(HOST, [learnt("old"), learnt()]).splitlines()
    record = json.loads(last)
    place = record
    for name in path[:-1]:
        place = place[name]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return b"\n".join([*lines, json.dumps(record).encode()]) + b"\n"


def test_fields_that_are_unknown_or_were_not_kept_yet_do_no_harm() -> None:
    answers = [learnt("old"), learnt()]
    for name in (("more",), ("flights", 0, "more"), ("flights", 0, "shape", "more"), ("offer", "more")):
        assert read_answers(HOST, changed(*name, to=5)) == (answers, 0)

    both, lost = read_answers(HOST, changed("offer", "extension_types", to=None))
    assert lost == 0
    assert both[1].offer == learnt().offer._replace(extension_types=())

    both, lost = read_answers(HOST, changed("flights", 0, "connect_seconds", to=None))
    assert lost == 0
    assert both[1].flights == [learnt().flights[0]._replace(connect_seconds=0.0)]


def test_a_file_from_before_waits_were_kept_has_those_of_its_answers() -> None:
    assert read_answers(HOST, changed("waits", to=None)) == ([learnt("old"), learnt()], 0)


def test_more_waits_are_kept_than_answers() -> None:
    waits = [(1.7e9 + number, Wait(0.02, number / 100)) for number in range(80)]
    answer = replace(learnt(), waits=waits)

    (read,), lost = read_answers(HOST, write_answers(HOST, [answer]))
    assert (read.flights, read.waits, lost) == (answer.flights, waits[-64:], 0)


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("key",), "00"),
        (("key",), 5),
        (("key",), None),
        (("learnt_unix",), "now"),
        (("learnt_unix",), float("nan")),
        (("offer",), []),
        (("offer", "groups"), [70_000]),
        (("offer", "groups"), [1.5]),
        (("offer", "groups"), "29"),
        (("offer", "groups"), list(range(9000))),
        (("offer", "key_shares"), [0x0017]),
        (("offer", "cipher_suites"), [0x1302]),
        (("flights",), []),
        (("flights",), None),
        (("flights", 0, "encrypted_bytes"), 5),
        (("flights", 0, "encrypted_bytes"), 65_537),
        (("flights", 0, "encrypted_bytes"), 1000.5),
        (("flights", 0, "server_hello_bytes"), None),
        (("flights", 0, "connect_seconds"), -0.1),
        (("flights", 0, "first_byte_seconds"), "soon"),
        (("waits",), 5),
        (("waits",), [[1.7e9, 0.02]]),
        (("waits",), [[1.7e9, 0.02, -0.01]]),
        (("waits",), [["now", 0.02, 0.03]]),
        (("waits", 0), []),
        (("flights", 0, "shape", "group"), 0x0101),
        (("flights", 0, "shape", "extensions"), [0x2B]),
        (("flights", 0, "shape", "extensions"), [0x2B, 0x33, 0x2B]),
        (("flights", 0, "shape"), 5),
    ],
)
def test_an_answer_that_no_site_gives_is_left_out(path: tuple[str | int, ...], to: Any) -> None:
    assert read_answers(HOST, changed(*path, to=to)) == ([learnt("old")], 1)


@given(place=st.integers(0), value=st.integers(0, 255), cut=st.integers(0) | st.none())
def test_of_a_damaged_file_what_can_be_read_is_used(place: int, value: int, cut: int | None) -> None:
    data = bytearray(write_answers(HOST, [learnt("old"), learnt()]))
    data[place % len(data)] = value
    damaged = bytes(data if cut is None else data[: cut % len(data)])

    try:
        answers, lost = read_answers(HOST, damaged)
    except ValueError:
        assert not damaged.startswith(write_answers(HOST, []))
    else:
        assert len(answers) <= 2
        assert lost <= 3
        for answer in answers:
            assert answer.flights
            assert answer.offer.can_follow(*answer.shapes)


@pytest.mark.parametrize("data", [b"", b"\n", b"[]\n", b'{"host": "other.example"}\n', b"[" * 100_000, b"\xff\n"])
def test_the_file_of_another_site_or_of_something_else_is_not_used(data: bytes) -> None:
    with pytest.raises(ValueError, match="something else"):
        read_answers(HOST, data)


def test_no_more_is_read_than_would_be_kept() -> None:
    answers, _lost = read_answers(HOST, write_answers(HOST, [learnt("old", *range(1000, 1100))] * 300))

    assert len(answers) == MOST_SHAPES
    assert [flight.encrypted_bytes for flight in answers[0].flights] == list(range(1036, 1100))
