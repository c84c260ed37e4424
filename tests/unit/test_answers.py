"""What a client is answered, by what is known of its site."""

from __future__ import annotations

from typing import Any

import pytest

from mtglib.answers import MOST_SHAPES, Answers, ChosenAnswer, LearntAnswer, Offer, default_answer
from mtglib.wire import client_hello
from mtglib.wire.hello_shape import HelloShape, parse_shape
from mtglib.wire.server_flight import Flight
from mtglib.wire.server_hello import AnswerShape, default_shape
from support.client_hello import Shape, build_client_hello, hello_records

HOST = "front.example"
ORDER = (0x2B, 0x33)
X25519, X25519_MLKEM768, SECP256R1 = 0x001D, 0x11EC, 0x0017


def offered(shape: Shape = "modern", **changes: Any) -> HelloShape:
    return parse_shape(hello_records(build_client_hello(HOST, shape=shape, **changes)))


def flight(encrypted_bytes: int = 1000, group: int = X25519, suite: int = 0x1302) -> Flight:
    return Flight(AnswerShape(suite, ORDER, group), 127, encrypted_bytes)


def chosen(answers: Answers, hello: HelloShape, host: str = HOST) -> ChosenAnswer | None:
    return answers.choose(host, hello.key, lambda: hello)


def sizes(answers: Answers, hello: HelloShape, host: str = HOST) -> list[int]:
    learnt = answers.learnt(host, hello.key)
    return [] if learnt is None else [each.encrypted_bytes for each in learnt.flights]


@pytest.mark.parametrize("shape", ["old", "modern"])
def test_before_anything_is_learnt_it_is_what_most_sites_answer(shape: Shape) -> None:
    hello = client_hello.parse(hello_records(build_client_hello(HOST, shape=shape)))
    defaults = [default_answer(hello) for _ in range(200)]

    assert chosen(Answers(3), offered(shape)) is None
    assert {each.shape for each in defaults} == {default_shape(hello)}
    lengths = {each.noise_bytes for each in defaults}
    assert len(lengths) > 10
    assert 2500 <= min(lengths) < 3600 < max(lengths) <= 4700, "all of the range, or this is one in a billion"


def test_what_the_site_has_answered_to_the_shape_is_answered_again() -> None:
    answers = Answers(3)
    answers.add(HOST, offered(), flight(1000), 5.0)
    answers.add(HOST, offered(), flight(1010), 7.0)

    shape = AnswerShape(0x1302, ORDER, X25519)
    assert {chosen(answers, offered()) for _ in range(100)} == {ChosenAnswer(shape, 995), ChosenAnswer(shape, 1005)}
    learnt = answers.learnt(HOST, offered().key)
    assert learnt
    assert (learnt.learnt_unix, learnt.offer) == (7.0, Offer.of(offered()))


def test_how_long_the_site_took_goes_with_its_answer() -> None:
    answers = Answers(3)
    answers.add(HOST, offered(), flight()._replace(connect_seconds=0.02, first_byte_seconds=0.03), 0.0)

    answer = chosen(answers, offered())
    assert answer
    assert (answer.connect_seconds, answer.first_byte_seconds) == (0.02, 0.03)


def timed(milliseconds: float) -> Flight:
    """An answer that took so long, half of it for the connection."""
    return flight()._replace(connect_seconds=milliseconds / 2000, first_byte_seconds=milliseconds / 2000)


@pytest.mark.parametrize(
    ("times", "shortest"), [((20, 30, 10, 40), 10), ((10, *[20] * 8, 30), 20), ((0, 20), 20), ((0,), 0)]
)
def test_without_more_it_is_the_shortest_of_the_latest_eight_that_were_measured(
    times: tuple[int, ...], shortest: int
) -> None:
    answers = Answers(1)
    for milliseconds in times:
        answers.add(HOST, offered(), timed(milliseconds), 0.0)

    answer = chosen(answers, offered())
    assert answer
    assert answer.connect_seconds == answer.first_byte_seconds == shortest / 2000


def test_how_long_a_site_takes_is_told_by_its_latest_64_answers_of_any_shape() -> None:
    answers, shapes = Answers(3), [offered("modern"), offered("old")]
    for number in range(1, 101):
        answers.add(HOST, shapes[number % 2], timed(number), 1e9 + number)
        answers.add("other.example", shapes[0], timed(500), 1e9)

    waits = answers.waits(HOST).waits
    assert [wait.seconds for wait in waits] == [pytest.approx(number / 1000) for number in range(37, 101)]
    assert len(answers.learnt(HOST, shapes[0].key).flights) == 3  # type: ignore[union-attr]


def test_how_long_it_takes_is_known_from_what_was_learnt_earlier() -> None:
    first, second = Answers(3), Answers(3)
    assert second.waits(HOST).waits == []
    first.add(HOST, offered(), timed(20), 0.0)
    second.restore(HOST, first.of(HOST))

    assert [wait.seconds for wait in second.waits(HOST).waits] == [0.02]


def test_another_shape_gets_the_same_if_it_can_be_followed() -> None:
    answers = Answers(3)
    answers.add(HOST, offered("modern"), flight(group=X25519_MLKEM768), 0.0)
    assert chosen(answers, offered("old")) is None, "it offers no such group"

    answers.add(HOST, offered("modern", suites=b"\x13\x03"), flight(suite=0x1303), 0.0)
    assert chosen(answers, offered("old")) == ChosenAnswer(AnswerShape(0x1303, ORDER, X25519), 995)
    assert chosen(answers, offered("old"), "other.example") is None
    assert chosen(answers, offered("old", suites=b"\x13\x01")) is None


def test_it_can_be_followed_only_if_all_that_was_answered_can() -> None:
    """A site that answers different things each time."""
    answers = Answers(3)
    answers.add(HOST, offered("modern"), flight(group=X25519_MLKEM768), 0.0)
    answers.add(HOST, offered("modern"), flight(group=X25519), 0.0)

    assert chosen(answers, offered("old")) is None


OTHERS = {
    2000: offered("secp256r1"),
    3000: offered("old", suites=b"\x13\x02\x13\x01"),
    4000: parse_shape(hello_records(build_client_hello(HOST, shape="old")).replace(b"\0\x23\0\0", b"\x12\x12\0\0")),
}
"""Each is nearer to the old shape than the one before: it has the same shares, the same suites as well."""


@pytest.mark.parametrize("known", [(2000,), (2000, 3000), (3000, 2000), (2000, 4000, 3000), (4000, 3000, 2000)])
def test_the_nearest_shape_is_that_with_the_same_shares_then_suites(known: tuple[int, ...]) -> None:
    answers = Answers(3)
    for size in known:
        answers.add(HOST, OTHERS[size], flight(size), 0.0)

    assert chosen(answers, offered("old")) == ChosenAnswer(flight().shape, max(known) - 5)


def test_a_nearest_shape_is_looked_for_once_until_more_is_learnt() -> None:
    answers, read = Answers(3), []
    hello = offered("old")

    def parse() -> HelloShape:
        read.append(hello)
        return hello

    answers.add(HOST, offered("modern"), flight(), 0.0)
    for _ in range(5):
        assert answers.choose(HOST, hello.key, parse)
    assert len(read) == 1

    answers.add(HOST, hello, flight(2000), 0.0)
    assert answers.choose(HOST, hello.key, parse) == ChosenAnswer(flight().shape, 1995)
    assert len(read) == 1


def test_the_latest_answers_count() -> None:
    """A site whose certificate has grown."""
    answers = Answers(3)
    for size in range(1000, 1020):
        answers.add(HOST, offered(), flight(size), 0.0)
    assert sizes(answers, offered()) == [1017, 1018, 1019]

    assert not answers.add(HOST, offered(), flight(3000), 0.0), "that is told"
    assert not answers.add(HOST, offered(), flight(1018, suite=0x1301), 0.0)
    answers.add(HOST, offered(), flight(3001), 0.0)
    assert sizes(answers, offered()) == [3000, 1018, 3001]


@pytest.mark.parametrize(("size", "is_expected"), [(984, True), (983, False), (1036, True), (1037, False)])
def test_a_signature_is_as_long_as_it_is(size: int, is_expected: bool) -> None:
    answers = Answers(3)
    assert answers.add(HOST, offered(), flight(1000), 0.0), "the first one"
    assert not answers.add(HOST, offered(), flight(1020), 0.0)

    assert answers.add(HOST, offered(), flight(size), 0.0) is is_expected


def test_of_a_thousand_shapes_256_are_kept_and_the_least_used_goes() -> None:
    answers, first = Answers(3), offered()
    answers.add(HOST, first, flight(), 0.0)
    for number in range(1000):
        hello = offered(suites=b"\x13\x02" + number.to_bytes(2))
        answers.add(HOST, hello, flight(), 0.0)
        assert chosen(answers, first), "used all the time"

    assert len(answers) == len(answers.of(HOST)) == MOST_SHAPES == 256
    assert answers.learnt(HOST, offered(suites=b"\x13\x02" + (999 - 254).to_bytes(2)).key)
    assert not answers.learnt(HOST, offered(suites=b"\x13\x02" + (999 - 255).to_bytes(2)).key)


def test_a_thousand_shapes_of_which_nothing_is_learnt_take_no_more_either() -> None:
    answers = Answers(3)
    answers.add(HOST, offered("modern"), flight(), 0.0)
    for number in range(1000):
        assert chosen(answers, offered("old", suites=b"\x13\x02" + number.to_bytes(2)))


def test_what_was_learnt_earlier_is_used_but_not_in_place_of_what_was_learnt_since() -> None:
    answers, old, modern = Answers(3), offered("old"), offered("modern")
    answers.add(HOST, old, flight(2000), 9.0)
    earlier = [LearntAnswer(hello.key, Offer.of(hello), [flight(1000)], 1.0) for hello in (old, modern)]

    answers.restore(HOST, earlier)

    assert (sizes(answers, old), sizes(answers, modern)) == ([2000], [1000])
    assert [answer.learnt_unix for answer in answers.of(HOST)] == [9.0, 1.0]


@pytest.mark.parametrize(("encrypted_bytes", "noise_bytes"), [(6, 1), (10 * 1024 + 5, 10 * 1024), (60_000, 10 * 1024)])
def test_one_record_holds_all_that_it_can(encrypted_bytes: int, noise_bytes: int) -> None:
    answers = Answers(3)
    answers.add(HOST, offered(), flight(encrypted_bytes), 0.0)

    assert chosen(answers, offered()) == ChosenAnswer(flight().shape, noise_bytes)
