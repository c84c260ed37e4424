"""What is equal, what is within the site's spread, and what a second sample takes back."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from tools.censor import observation
from tools.censor.bench import Bench
from tools.censor.comparison import ASPECTS, TIMES, differences, other_times, out_of_spread
from tools.censor.downloads import DataCentre
from tools.censor.observation import SHAPES, Hello, Observation, make_hello, observe
from tools.probes.finding import SITE
from tools.probes.sites import Deployment

from support.client_hello import RANDOM_AT, hello_session_id, sign_hello
from support.front import FrontConnection, RecordingFront, Script
from support.secrets import PeerSecret
from support.tls_records import CHANGE_CIPHER_SPEC, make_record

HELLO = make_hello("front.example", "modern", None)
USUAL = Observation("t13", "0200", (122, 1, 1200), 1338, 0.001, 0.002)


def flight(hello: bytes, *, suite: bytes = b"\x13\x01", encrypted_bytes: int = 700) -> bytes:
    """The beginning of an answer, with x25519."""
    share = b"\x00\x1d\x00\x20" + X25519PrivateKey.generate().public_key().public_bytes_raw()
    extensions = b"\x00\x2b\x00\x02\x03\x04\x00\x33" + len(share).to_bytes(2, "big") + share
    body = b"\x03\x03" + os.urandom(32) + b"\x20" + hello_session_id(hello) + suite + b"\x00"
    body += len(extensions).to_bytes(2, "big") + extensions
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    return make_record(22, message) + CHANGE_CIPHER_SPEC + make_record(23, os.urandom(encrypted_bytes))


def test_a_flight_is_taken_apart() -> None:
    seen, again = (observe(flight(HELLO), HELLO, 0.25, 0.5) for _ in range(2))

    assert seen == again
    assert seen.ja4s == "t130200_1301_a56c5b993250"
    assert (seen.record_bytes, seen.flight_bytes) == ((122, 1, 700), 127 + 6 + 705)


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", make_record(21, b"\x02\x28"), b"\x16\x03"])
def test_what_is_no_answer_is_told_in_words(data: bytes) -> None:
    seen = observe(data, HELLO)

    assert (seen.ja4s, seen.flight_bytes) == ("none", len(data))
    assert seen.server_hello != observe(flight(HELLO), HELLO).server_hello


@pytest.mark.parametrize("shape", SHAPES.values())
def test_a_hello_is_signed_for_the_proxy_and_a_visitors_for_the_site(shape: Hello) -> None:
    secret = PeerSecret.random()
    plain, signed = (make_hello(secret.host, shape, of) for of in (None, secret))

    for message, is_signed in ((signed, True), (plain, False)):
        zeroed = message[:RANDOM_AT] + bytes(32) + message[RANDOM_AT + 32 :]
        proof = slice(RANDOM_AT, RANDOM_AT + 28)
        assert (sign_hello(zeroed, secret.key, 0)[proof] == message[proof]) is is_signed
        assert any(message[proof])


def sample(size: int = 20) -> list[Observation]:
    return [replace(USUAL, flight_bytes=1338 + number % 3, after_hello_seconds=number / 1000) for number in range(size)]


def test_a_sample_is_like_itself() -> None:
    assert differences(sample(), sample()) == {}


@pytest.mark.parametrize(
    ("aspect", "value"),
    [
        ("ja4s", "t12"),
        ("server_hello", "0201"),
        ("flight_bytes", 1337),
        ("flight_bytes", 1341),
        ("after_hello_seconds", 0.5),
        ("after_connect_seconds", 0.001),
    ],
)
def test_each_aspect_is_compared(aspect: str, value: Any) -> None:
    others = [replace(one, **{aspect: value}) for one in sample()]

    assert list(differences(sample(), others, sample())) == [aspect]
    assert list(differences(sample(), others)) == [name for name in [aspect] if name not in TIMES]


def test_times_are_compared_with_visitors_and_not_with_the_site() -> None:
    later = [replace(one, after_hello_seconds=1.0) for one in sample()]

    assert differences(sample(), later, later) == {}
    assert list(differences(later, sample(), later)) == ["after_hello_seconds"]


def test_medians_may_differ_by_the_slack() -> None:
    assert other_times([0.001] * 20, [0.003] * 20, 0.0021) is None
    assert other_times([0.001] * 20, [0.003] * 20, 0.0019) is not None


def test_one_other_hello_is_enough_and_one_other_size_isnt() -> None:
    one_other = [*sample()[1:], replace(USUAL, server_hello="0201", flight_bytes=9000)]

    assert list(differences(sample(), one_other)) == ["server_hello"]


def test_a_proxy_that_varies_less_than_the_site_is_within_its_spread() -> None:
    assert out_of_spread([1338, 1339, 1340] * 10, [1339] * 30) is None


def test_words_say_what_a_hello_is() -> None:
    seen = [observe(flight(HELLO, suite=suite), HELLO) for suite in (b"\x13\x02", b"\x13\x01")]

    said = differences(seen[:1] * 9, seen[1:] * 9)["server_hello"]

    assert "suite 1302" in said
    assert "suite 1301" in said


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_times_are_like_themselves(times: list[float]) -> None:
    assert other_times(times, times) is None


def test_times_say_both_medians() -> None:
    assert (other_times([0.001] * 20, [0.003] * 20) or "").endswith("1.00 ms for visitors, 3.00 for clients")


USUAL_SUITE, OTHER_SUITE = b"\x13\x01", b"\x13\x02"


def answering(*sizes: int, suites: tuple[bytes, ...] = (USUAL_SUITE,)) -> Script:
    """A server whose flights have these sizes and suites, in turn; the last ones for ever after."""
    later = itertools.chain(sizes, itertools.repeat(sizes[-1]))
    chosen = itertools.chain(suites, itertools.repeat(suites[-1]))

    async def script(connection: FrontConnection) -> None:
        hello = await connection.got(1000)
        await connection.send(flight(bytes(hello[5:]), suite=next(chosen), encrypted_bytes=next(later)))
        await connection.ended()

    return script


async def found(proxy: Script, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The aspects that differ between this and a site with flights of one size."""
    monkeypatch.setattr(observation, "_PAUSE_SECONDS", 0.05)
    async with RecordingFront(answering(700)) as site, RecordingFront(proxy) as other:
        deployment = Deployment(Site(site.port), PeerSecret.random(), {SITE: site.port, "proxy": other.port})
        return list((await Bench("rsa", deployment, DataCentre(), with_times=False).compare("tdlib", 6))[0].differences)


class Site:
    """What a bench needs to know of its site."""

    certificate_path = Path()

    def __init__(self, port: int) -> None:
        self.port = port


async def test_servers_that_answer_alike_are_found_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await found(answering(700), monkeypatch) == []


async def test_another_flight_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await found(answering(900), monkeypatch) == ["flight_bytes"]


async def test_what_a_second_sample_doesnt_show_again_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await found(answering(*[900] * 6, 700), monkeypatch) == []


async def test_what_only_a_second_sample_shows_doesnt_count(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = answering(*[700] * 6, 900, suites=(*[OTHER_SUITE] * 6, USUAL_SUITE))

    assert await found(proxy, monkeypatch) == []


def test_aspects_are_what_is_seen() -> None:
    assert set(ASPECTS) < set(Observation.__annotations__)
