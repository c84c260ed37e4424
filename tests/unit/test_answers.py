"""What a client is answered, by what is known of its site."""

from __future__ import annotations

from typing import Any

import pytest

from mtglib.answers import Answers
from mtglib.wire.hello_shape import HelloShape, parse_shape
from mtglib.wire.server_flight import Flight
from mtglib.wire.server_hello import AnswerShape, default_shape
from support.client_hello import Shape, build_client_hello, hello_records

HOST = "front.example"
ORDER = (0x2B, 0x33)


def offered(shape: Shape = "modern", **changes: Any) -> HelloShape:
    return parse_shape(hello_records(build_client_hello(HOST, shape=shape, **changes)))


def flight(group: int = 0x001D, suite: int = 0x1302, encrypted_bytes: int = 1000) -> Flight:
    return Flight(AnswerShape(suite, ORDER, group), 127, encrypted_bytes)


@pytest.mark.parametrize("shape", ["old", "modern"])
def test_before_anything_is_learnt_it_is_what_most_sites_answer(shape: Shape) -> None:
    chosen = [Answers().choose(HOST, offered(shape)) for _ in range(200)]

    assert {each.shape for each in chosen} == {default_shape(offered(shape))}
    lengths = [each.noise_bytes for each in chosen]
    assert 2500 <= min(lengths) < 3600 < max(lengths) <= 4700


def test_what_the_site_has_answered_to_the_shape_is_answered_again() -> None:
    answers = Answers()
    answers.add(HOST, offered(), flight(encrypted_bytes=1000))
    answers.add(HOST, offered(), flight(encrypted_bytes=1010))

    chosen = {answers.choose(HOST, offered()) for _ in range(100)}

    assert chosen == {(AnswerShape(0x1302, ORDER, 0x001D), 995), (AnswerShape(0x1302, ORDER, 0x001D), 1005)}
    assert answers.count(HOST, offered()) == 2


def test_another_shape_gets_the_same_if_it_can_be_followed() -> None:
    answers = Answers()
    answers.add(HOST, offered("modern"), flight(0x11EC))
    assert answers.choose(HOST, offered("old")).shape == default_shape(offered("old")), "it offers no such group"

    answers.add(HOST, offered("modern", suites=b"\x13\x03"), flight(0x001D, 0x1303))
    assert answers.choose(HOST, offered("old")).shape == AnswerShape(0x1303, ORDER, 0x001D)
    assert answers.choose("other.example", offered("old")).shape == default_shape(offered("old"))
    assert answers.choose(HOST, offered("old", suites=b"\x13\x01")).shape == default_shape(offered("old"))


def test_the_latest_answers_count() -> None:
    answers = Answers()
    for size in range(1000, 1020):
        answers.add(HOST, offered(), flight(encrypted_bytes=size))

    assert [each.encrypted_bytes for each in answers.seen(HOST, offered())] == list(range(1012, 1020))


def test_no_more_shapes_are_kept_than_256_and_the_least_used_goes() -> None:
    answers = Answers()
    hello = offered()
    for number in range(256):
        answers.add(f"{number}.example", hello, flight())
    answers.choose("0.example", hello)
    answers.add(HOST, hello, flight())

    assert len(answers) == 256
    assert answers.count("0.example", hello) == 1
    assert answers.count("1.example", hello) == 0


@pytest.mark.parametrize(("encrypted_bytes", "noise_bytes"), [(6, 1), (16_645, 16_640), (60_000, 16_640)])
def test_one_record_holds_all_that_it_can(encrypted_bytes: int, noise_bytes: int) -> None:
    answers = Answers()
    answers.add(HOST, offered(), flight(encrypted_bytes=encrypted_bytes))

    assert answers.choose(HOST, offered()).noise_bytes == noise_bytes
