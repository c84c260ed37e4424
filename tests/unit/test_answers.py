"""What a client is answered, by what is known of its site."""

from __future__ import annotations

from typing import Any

import pytest

from mtglib.answers import Answers, ChosenAnswer, default_answer
from mtglib.wire import client_hello
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
    hello = client_hello.parse(hello_records(build_client_hello(HOST, shape=shape)))
    chosen = [default_answer(hello) for _ in range(200)]

    assert Answers().choose(HOST, offered(shape)) is None
    assert {each.shape for each in chosen} == {default_shape(hello)}
    lengths = {each.noise_bytes for each in chosen}
    assert len(lengths) > 10
    assert 2500 <= min(lengths) < 3600 < max(lengths) <= 4700, "all of the range, or this is one in a billion"


def test_what_the_site_has_answered_to_the_shape_is_answered_again() -> None:
    answers = Answers()
    answers.add(HOST, offered(), flight(encrypted_bytes=1000))
    answers.add(HOST, offered(), flight(encrypted_bytes=1010))

    chosen = {answers.choose(HOST, offered()) for _ in range(100)}

    assert chosen == {ChosenAnswer(AnswerShape(0x1302, ORDER, 0x001D), noise_bytes) for noise_bytes in (995, 1005)}
    assert len(answers.seen(HOST, offered())) == 2


def test_another_shape_gets_the_same_if_it_can_be_followed() -> None:
    answers = Answers()
    answers.add(HOST, offered("modern"), flight(0x11EC))
    assert answers.choose(HOST, offered("old")) is None, "it offers no such group"

    answers.add(HOST, offered("modern", suites=b"\x13\x03"), flight(0x001D, 0x1303))
    assert answers.choose(HOST, offered("old")) == ChosenAnswer(AnswerShape(0x1303, ORDER, 0x001D), 995)
    assert answers.choose("other.example", offered("old")) is None
    assert answers.choose(HOST, offered("old", suites=b"\x13\x01")) is None


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
    assert answers.seen("0.example", hello)
    assert not answers.seen("1.example", hello)


@pytest.mark.parametrize(("encrypted_bytes", "noise_bytes"), [(6, 1), (16_645, 16_640), (60_000, 16_640)])
def test_one_record_holds_all_that_it_can(encrypted_bytes: int, noise_bytes: int) -> None:
    answers = Answers()
    answers.add(HOST, offered(), flight(encrypted_bytes=encrypted_bytes))

    assert answers.choose(HOST, offered()) == ChosenAnswer(flight().shape, noise_bytes)
