"""What an answer's key share costs, for each group, and the shape of the hello that it answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from unittest import mock

from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x448
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from benchmarks.parts.line import Line, nanoseconds_each
from benchmarks.peers.client_hello import unsigned_client_hello
from mtglib import keyshare, pure_keyshare
from mtglib.keyshare import KeyShares
from mtglib.wire.handshake import NamedGroup
from mtglib.wire.hello_shape import parse_shape

_BARS_US = {NamedGroup.X25519_MLKEM768: 60.0}
_SHAPE_BAR_US = 15.0
_PURE = {
    "new_x25519_public_key": pure_keyshare.x25519_public_key,
    "nist_public_key": pure_keyshare.nist_public_key,
    "ml_kem_768_ciphertext": pure_keyshare.ml_kem_768_ciphertext,
}


def measure_key_shares(quick: bool) -> Iterator[Line]:
    """One after the other, so with warm caches: between other work, each takes longer."""
    count = 64 if quick else 3200  # a multiple of the 32 keys that are made at once
    shares = _client_shares()
    for name, replaced in (("", {}), (", pure Python", _PURE)):
        for group in NamedGroup:
            with ExitStack() as stack:
                for function, pure in replaced.items():
                    stack.enter_context(mock.patch.object(keyshare, function, pure))
                us_each = _answer_ns(group, shares[group], count) / 1000
            yield Line(f"key share, {group.name}{name}", us_each, "us", None if name else _BARS_US.get(group))
    yield Line("shape of a hello", _shape_ns(10 * count) / 1000, "us", _SHAPE_BAR_US)


def _answer_ns(group: int, client_share: bytes, count: int) -> float:
    supply = KeyShares()
    if supply.answer_to(group, client_share) is None:
        raise RuntimeError(f"no answer to a share of group {group:#x}")

    def answer() -> None:
        for _ in range(count):
            supply.answer_to(group, client_share)

    return nanoseconds_each(answer, count)


def _shape_ns(count: int) -> float:
    record = bytes(unsigned_client_hello("front.example"))

    def parse() -> None:
        for _ in range(count):
            parse_shape(record)

    return nanoseconds_each(parse, count)


def _client_shares() -> dict[NamedGroup, bytes]:
    ml_kem_key = mlkem.MLKEM768PrivateKey.generate().public_key().public_bytes_raw()
    x25519_key = keyshare.new_x25519_public_key()
    p256 = _point(ec.SECP256R1())
    return {
        NamedGroup.SECP256R1: p256,
        NamedGroup.SECP384R1: _point(ec.SECP384R1()),
        NamedGroup.SECP521R1: _point(ec.SECP521R1()),
        NamedGroup.X25519: x25519_key,
        NamedGroup.X448: x448.X448PrivateKey.generate().public_key().public_bytes_raw(),
        NamedGroup.SECP256R1_MLKEM768: p256 + ml_kem_key,
        NamedGroup.X25519_MLKEM768: ml_kem_key + x25519_key,
    }


def _point(curve: ec.EllipticCurve) -> bytes:
    return ec.generate_private_key(curve).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
