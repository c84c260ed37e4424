"""The client's hello: joined from any fragments, refused at the first impossible byte, and safe to take apart."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mtglib import ClientError
from mtglib.wire import client_hello
from support.client_hello import (
    RANDOM_AT,
    Shape,
    build_client_hello,
    hello_random,
    hello_records,
    hello_session_id,
    sign_hello,
)
from support.tls_records import make_record
from unit.wire.hello_oracle import Complete, fate

P = ParamSpec("P")
R = TypeVar("R")

KEY = bytes(range(16))
NOW_UNIX = 1_700_000_000

OLD_AND_MODERN: tuple[Shape, ...] = ("old", "modern")
shapes = st.sampled_from(OLD_AND_MODERN)
stamps = st.integers(0, 2**32 - 1)
edits = st.lists(st.tuples(st.integers(0), st.integers(1, 255)), min_size=1, max_size=4)


def signed(shape: Shape = "modern", stamp: int = NOW_UNIX, name: str = "front.example") -> bytes:
    return sign_hello(build_client_hello(name, shape=shape), KEY, stamp)


def edited(data: bytes, changes: list[tuple[int, int]]) -> bytes:
    changed = bytearray(data)
    for place, flip in changes:
        changed[place % len(data)] ^= flip
    return bytes(changed)


def result_of(function: Callable[P, R], *args: P.args, **named: P.kwargs) -> R | ClientError:
    """Call, and return the error if there is one of ours."""
    try:
        return function(*args, **named)
    except ClientError as error:
        return error


@st.composite
def fragmented(draw: st.DrawFn) -> bytes:
    """A handshake message in records, in which something may be wrong."""
    size = draw(st.sampled_from([0, 1, 20, 60, 16380]) | st.integers(0, 20_000))
    kind = draw(st.sampled_from([1] * 8 + [2]))
    message = bytes((kind,)) + size.to_bytes(3) + bytes(max(0, size + draw(st.sampled_from([0, 0, 0, -1, 1]))))
    at = sorted(draw(st.lists(st.integers(0, min(len(message), 70)), max_size=12)))
    minor = st.sampled_from([1] * 6 + [3, 4, 5])
    pieces = itertools.pairwise([0, *at, len(message)])
    wire = b"".join(make_record(0x16, message[a:b], bytes((3, draw(minor)))) for a, b in pieces)
    return wire + draw(st.sampled_from([b"", b"\x14\x03\x03\x00\x01\x01", b"\x16"]))


# -- joining ---------------------------------------------------------------------------------------------------------


@given(shape=shapes, cuts=st.lists(st.integers(1, 500), max_size=9, unique=True).map(sorted), behind=st.binary())
def test_fragments_are_joined_to_the_one_record(shape: Shape, cuts: list[int], behind: bytes) -> None:
    message = signed(shape)
    wire = hello_records(message, cuts)

    assert client_hello.assemble(wire + behind) == (hello_records(message), len(wire))
    assert client_hello.assemble(bytearray(wire)) == (hello_records(message), len(wire))


def test_a_hello_cut_behind_every_byte_comes_together() -> None:
    message = signed("old")
    for at in range(1, len(message)):
        wire = hello_records(message, [at])
        assert client_hello.assemble(wire) == (hello_records(message), len(wire))


@pytest.mark.parametrize("shape", ["old", "modern"])
def test_it_is_incomplete_until_its_last_byte(shape: Shape) -> None:
    wire = hello_records(signed(shape), [1, 100, 101])

    assert all(client_hello.assemble(wire[:length]) is None for length in range(len(wire)))
    assert client_hello.assemble(wire) is not None


@pytest.mark.parametrize(("count", "joined"), [(10, True), (11, False)])
def test_ten_fragments_are_enough_for_everybody(count: int, joined: bool) -> None:
    message = signed()
    wire = hello_records(message, range(1, count))
    if joined:
        assert client_hello.assemble(wire) == (hello_records(message), len(wire))
    else:
        with pytest.raises(ClientError, match="more than 10 records"):
            client_hello.assemble(wire)


@pytest.mark.parametrize(("body_bytes", "joined"), [(16380, True), (16381, False)])
def test_a_hello_has_at_most_16_kib(body_bytes: int, joined: bool) -> None:
    message = b"\x01" + body_bytes.to_bytes(3) + bytes(body_bytes)
    wire = hello_records(message, [9000])
    if joined:
        assert client_hello.assemble(wire) == (make_record(0x16, message, b"\x03\x01"), len(wire))
    else:
        with pytest.raises(ClientError):
            client_hello.assemble(wire[:9])


# -- refusing, as early as it is certain -------------------------------------------------------------------------------


@given(fragmented() | st.binary(max_size=60))
@example(b"\x16\x03\x01\x00\x40\x01\x00\x00\x05")
def test_whatever_comes_is_joined_awaited_or_refused_as_the_rules_say(wire: bytes) -> None:
    for length in {*range(min(len(wire), 150)), len(wire)}:
        wanted, outcome = fate(wire[:length]), result_of(client_hello.assemble, wire[:length])
        if isinstance(outcome, ClientError):
            assert (wanted, outcome.reason) == ("impossible", "not_tls")
        elif isinstance(wanted, Complete):
            assert outcome == (wanted.record, wanted.length)
        else:
            assert (wanted, outcome) == ("open", None)


ONE_BYTE_EACH = b"".join(make_record(0x16, bytes((byte,)), b"\x03\x01") for byte in b"\1\0\1\0\3\3\0\0\0")


@pytest.mark.parametrize(
    "data",
    [
        b"G",
        b"\x15",
        b"\x16\x02",
        b"\x16\x04",
        b"\x16\x03\x05",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\x40\x01",
        b"\x16\x03\x01\x41",
        b"\x16\x03\x01\x02\x00\x02",
        b"\x16\x03\x01\x02\x00\x01\x01",
        b"\x16\x03\x01\x02\x00\x01\x00\x40",
        b"\x16\x03\x01\x02\x00\x01\x00\x3f\xfd",
        b"\x16\x03\x01\x00\x40\x01\x00\x00\x05",
        b"\x16\x03\x01\x00\x01\x01\x17",
        b"\x16\x03\x01\x00\x01\x01\x16\x03\x05",
        ONE_BYTE_EACH + b"\x16\x03\x01\x00\x01",
    ],
    ids=lambda data: data[:9].hex(),
)
def test_the_first_impossible_byte_is_the_last_one_waited_for(data: bytes) -> None:
    assert client_hello.assemble(data[:-1]) is None
    with pytest.raises(ClientError) as caught:
        client_hello.assemble(data)
    assert caught.value.reason == "not_tls"


@given(data=st.binary(max_size=40), more=st.binary(max_size=40))
@example(data=b"\x16\x03\x01\x41", more=b"\x00")
def test_what_was_refused_stays_refused(data: bytes, more: bytes) -> None:
    if isinstance(result_of(client_hello.assemble, data), ClientError):
        with pytest.raises(ClientError):
            client_hello.assemble(data + more)


# -- taking apart ------------------------------------------------------------------------------------------------------


@given(shape=shapes, stamp=stamps, name=st.from_regex(r"\A[a-z]{1,60}\.[a-z]{1,60}\Z"))
def test_everything_in_a_hello_is_found(shape: Shape, stamp: int, name: str) -> None:
    message = signed(shape, stamp, name)
    record = hello_records(message)

    hello = client_hello.parse(record)

    assert client_hello.authenticate(record, [KEY]) == (0, stamp)
    assert hello.server_name == name
    assert (hello.random, hello.session_id) == (hello_random(message), hello_session_id(message))
    assert hello.cipher_suites[2:8] == b"\x13\x01\x13\x02\x13\x03"


@given(shape=shapes, place=st.integers(0), bit=st.integers(0, 7))
def test_any_flipped_bit_but_the_clocks_breaks_the_digest(shape: Shape, place: int, bit: int) -> None:
    record = bytearray(hello_records(signed(shape)))
    place %= len(record)
    record[place] ^= 1 << bit
    clock = range(5 + RANDOM_AT + 28, 5 + RANDOM_AT + 32)
    authentication = client_hello.authenticate(bytes(record), [KEY])
    if place in clock:
        assert authentication == (0, NOW_UNIX ^ 1 << 8 * (place - clock.start) + bit)
    else:
        assert authentication is None


@given(shape=shapes, recorded=stamps, rewritten=stamps)
def test_whoever_rewrites_the_clock_of_a_recorded_hello_leaves_what_it_is_known_by(
    shape: Shape, recorded: int, rewritten: int
) -> None:
    record = bytearray(hello_records(signed(shape, recorded)))
    known_by = client_hello.authenticated_part(bytes(record))
    for place, change in enumerate((recorded ^ rewritten).to_bytes(4, "little"), 5 + RANDOM_AT + 28):
        record[place] ^= change

    assert client_hello.authenticate(bytes(record), [KEY]) == (0, rewritten)
    assert client_hello.authenticated_part(bytes(record)) == known_by
    assert len(known_by) == 28


def test_the_key_is_found_among_others() -> None:
    others = [bytes((number,)) * 16 for number in range(1, 6)]
    record = hello_records(signed())

    assert client_hello.authenticate(record, others) is None
    for place in range(len(others) + 1):
        keys = [*others[:place], KEY, *others[place:]]
        assert client_hello.authenticate(record, keys) == (place, NOW_UNIX)
    assert client_hello.authenticate(record, []) is None


@given(st.binary(max_size=200) | st.builds(edited, shapes.map(lambda shape: hello_records(signed(shape))), edits))
def test_parsing_raises_client_errors_only(record: bytes) -> None:
    for outcome in (result_of(client_hello.parse, record), result_of(client_hello.authenticate, record, [KEY])):
        assert not isinstance(outcome, ClientError) or outcome.reason == "not_tls"


@given(shape=shapes, changes=edits, end=st.integers(RANDOM_AT + 32, 2000))
def test_a_malformed_hello_that_knows_the_key_is_not_tls_or_read(
    shape: Shape, changes: list[tuple[int, int]], end: int
) -> None:
    message = edited(build_client_hello("front.example", shape=shape), changes)[:end]
    message = message[:RANDOM_AT] + bytes(32) + message[RANDOM_AT + 32 :]
    record = hello_records(sign_hello(message, KEY, NOW_UNIX))

    assert client_hello.authenticate(record, [KEY]) == (0, NOW_UNIX)
    outcome = result_of(client_hello.parse, record)

    if isinstance(outcome, ClientError):
        assert outcome.reason == "not_tls"
    else:
        assert len(outcome.session_id) <= 32
        assert len(outcome.cipher_suites) % 2 == 0


def with_extensions(extensions: bytes) -> str:
    """Return the server name that is found in a hello with these extensions."""
    head = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    body = head + len(extensions).to_bytes(2) + extensions
    message = sign_hello(b"\x01" + len(body).to_bytes(3) + body, KEY, NOW_UNIX)
    return client_hello.parse(hello_records(message)).server_name


def extension(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2) + len(body).to_bytes(2) + body


def name_list(*names: tuple[int, bytes]) -> bytes:
    entries = b"".join(bytes((kind,)) + len(name).to_bytes(2) + name for kind, name in names)
    return len(entries).to_bytes(2) + entries


@pytest.mark.parametrize(
    ("extensions", "name"),
    [
        (b"", ""),
        (extension(0x002B, b"\x02\x03\x04"), ""),
        (extension(0, name_list((0, b"a.b"))), "a.b"),
        (extension(0x0A0A, b"") + extension(0, name_list((0, b"a.b"))) + extension(0x0A0A, b"\0"), "a.b"),
        (extension(0, name_list((7, b"other"), (0, b"a.b"))), "a.b"),
        (extension(0, name_list((7, b"other"))), ""),
        (extension(0, name_list((0, b"first"), (0, b"second"))), "first"),
        (extension(0, name_list((0, b"A.b"))), "A.b"),
        (extension(0, name_list((0, b""))), ""),
        (extension(0, name_list((0, b"\xff.b"))), "�.b"),
    ],
)
def test_the_server_name_is_found_wherever_it_is(extensions: bytes, name: str) -> None:
    assert with_extensions(extensions) == name


@pytest.mark.parametrize(
    "fields",
    [
        b"\x21" + bytes(33) + b"\x00\x02\x13\x01\x01\x00",  # a session id of 33 bytes
        b"\x00" + b"\x00\x03\x13\x01\x13\x01\x00",  # half a suite
        b"\x05" + bytes(3),
        b"\x00" + b"\x00",
        b"\x00" + b"\x00\x02\x13\x01",
        b"\x00" + b"\x00\x02\x13\x01\x01",
        b"\x00" + b"\x00\x02\x13\x01\x01\x00\x00",
        b"\x00" + b"\x00\x02\x13\x01\x01\x00\x00\x01",
        b"",
    ],
    ids=bytes.hex,
)
def test_malformed_fields_are_not_tls(fields: bytes) -> None:
    body = b"\x03\x03" + bytes(32) + fields
    message = sign_hello(b"\x01" + len(body).to_bytes(3) + body, KEY, NOW_UNIX)

    with pytest.raises(ClientError) as caught:
        client_hello.parse(hello_records(message))
    assert caught.value.reason == "not_tls"


def test_extensions_may_be_missing_altogether() -> None:
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    message = sign_hello(b"\x01" + len(body).to_bytes(3) + body, KEY, NOW_UNIX)

    assert client_hello.parse(hello_records(message)).server_name == ""


@pytest.mark.parametrize(
    "extensions",
    [
        b"\x00",
        b"\x00\x00",
        b"\x00\x00\x00",
        b"\x00\x00\x00\x05\x00",
        extension(0, b"\x00\x09\x00\x00\x03a.b"),
        b"\0" * 5,
    ],
)
def test_fields_that_end_too_early_are_not_tls(extensions: bytes) -> None:
    with pytest.raises(ClientError) as caught:
        with_extensions(extensions)
    assert caught.value.reason == "not_tls"
