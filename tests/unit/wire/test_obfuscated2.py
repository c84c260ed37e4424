"""Frames, checked against the tests' own client and data centre."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib import ClientError
from mtglib.wire.obfuscated2 import build_dc_frame, dc_noise_is_usable, parse_client_frame
from support.obfuscated2 import ABRIDGED, INTERMEDIATE, looks_like_another_protocol, make_frame, read_frame

KEY = bytes(range(16))
dcs = st.integers(-32768, 32767)
data = st.binary(max_size=200)


def usable_noise() -> bytes:
    while not dc_noise_is_usable(noise := os.urandom(64)):
        pass
    return noise


@given(dc=dcs, up=data, down=data)
def test_a_clients_frame_is_understood_and_both_its_directions(dc: int, up: bytes, down: bytes) -> None:
    client = make_frame(KEY, dc)

    frame = parse_client_frame(client.wire, KEY)

    assert frame.dc == dc
    assert frame.ciphers.from_initiator.start().update(client.up.apply(up)) == up
    assert client.down.apply(frame.ciphers.to_initiator.start().update(down)) == down


@pytest.mark.parametrize("tag", [INTERMEDIATE, ABRIDGED, b"\xdd\xdd\xdd\xde", bytes(4)])
def test_another_transport_is_refused(tag: bytes) -> None:
    with pytest.raises(ClientError) as caught:
        parse_client_frame(make_frame(KEY, 2, tag).wire, KEY)
    assert caught.value.reason == "frame"


@given(st.binary(min_size=16, max_size=16).filter(lambda key: key != KEY))
def test_another_secret_is_refused(key: bytes) -> None:
    with pytest.raises(ClientError):
        parse_client_frame(make_frame(key, 2).wire, KEY)


@given(st.binary(max_size=130))
def test_any_bytes_are_a_frame_or_a_client_error(wire: bytes) -> None:
    with pytest.raises(ClientError):
        parse_client_frame(wire, KEY)


@given(dc=dcs, up=data, down=data, fast=st.booleans())
def test_a_dc_understands_our_frame_and_both_its_directions(dc: int, up: bytes, down: bytes, fast: bool) -> None:
    client = parse_client_frame(make_frame(KEY, 2).wire, KEY).ciphers if fast else None
    noise = usable_noise()

    wire, ciphers = build_dc_frame(noise, dc, client)

    received = read_frame(wire)
    assert (received.dc, received.tag, len(wire)) == (dc, b"\xdd" * 4, 64)
    assert received.up.apply(ciphers.from_initiator.start().update(up)) == up
    assert ciphers.to_initiator.start().update(received.down.apply(down)) == down
    assert wire[:8] == noise[:8]
    assert not looks_like_another_protocol(wire)


@given(st.lists(data, min_size=1, max_size=5))
def test_in_fast_mode_the_client_decrypts_what_the_dc_encrypts(pieces: list[bytes]) -> None:
    client = make_frame(KEY, 2)
    wire, _ = build_dc_frame(usable_noise(), 2, parse_client_frame(client.wire, KEY).ciphers)
    dc = read_frame(wire)

    for piece in pieces:
        assert client.down.apply(dc.down.apply(piece)) == piece


def test_without_fast_mode_the_two_legs_share_no_keystream() -> None:
    client = make_frame(KEY, 2)
    noise = usable_noise()
    wire, _ = build_dc_frame(noise, 2, None)

    assert wire[8:56] == noise[8:56]
    assert read_frame(wire).down.apply(bytes(64)) != client.down.apply(bytes(64))


starts = st.sampled_from(
    [b"\xef", b"HEAD", b"POST", b"GET ", b"OPTI", b"PVrG", b"\xee" * 4, b"\xdd" * 4, b"\x16\x03\x01\x02", b"GET", b""]
)


@given(start=starts, middle=st.sampled_from([b"", bytes(4), b"\0\0\0\1"]), rest=st.binary(min_size=64, max_size=64))
def test_frames_that_look_like_another_protocol_are_not_usable(start: bytes, middle: bytes, rest: bytes) -> None:
    noise = (start + rest[len(start) : 4] + middle + rest)[:64]

    assert dc_noise_is_usable(noise) is not looks_like_another_protocol(noise)


def test_no_key_shows_itself() -> None:
    frame = parse_client_frame(make_frame(KEY, 2).wire, KEY)

    shown = repr(frame) + repr(frame.ciphers) + repr(frame.ciphers.from_initiator)
    for state in (frame.ciphers.from_initiator, frame.ciphers.to_initiator):
        assert repr(state.key) not in shown
        assert state.key.hex() not in shown
