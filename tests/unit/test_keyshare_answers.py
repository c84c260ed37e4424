"""A key share answers the client's own, as a site's does: the engine's, and those in pure Python."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, mlkem
from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey, X448PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from mtglib import keyshare, pure_keyshare
from mtglib.keyshare import KeyShares
from mtglib.wire.handshake import NamedGroup
from support.server_answer import is_x25519_public_key

CURVES: dict[int, ec.EllipticCurve] = {
    NamedGroup.SECP256R1: ec.SECP256R1(),
    NamedGroup.SECP384R1: ec.SECP384R1(),
    NamedGroup.SECP521R1: ec.SECP521R1(),
}
ML_KEM_KEY = mlkem.MLKEM768PrivateKey.from_seed_bytes(bytes(range(64)))
ENCAPSULATION_KEY = ML_KEM_KEY.public_key().public_bytes_raw()
P256_KEY = ec.generate_private_key(ec.SECP256R1())
X25519_SHARE = bytes(range(32))
X448_PRIME = 2**448 - 2**224 - 1
q = 3329  # FIPS 203, section 2.3


def point(key: ec.EllipticCurvePrivateKey, form: PublicFormat = PublicFormat.UncompressedPoint) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, form)


def looks_like_ciphertexts(ciphertexts: list[bytes]) -> bool:
    """Whether coefficients are those of uniform numbers below q, compressed (FIPS 203, section 4.2.1).

    So some come 4 times as others do 3 times. A hundred ciphertexts have 76 800 of 10 bits each. Chi-square, with 1023
    degrees of freedom, is 1023 +- 45 for them, and 2230 where all numbers are as frequent.
    """
    counts = Counter[int]()
    for ciphertext in ciphertexts:
        packed = int.from_bytes(ciphertext[:960], "little")
        counts.update(packed >> at & 0x3FF for at in range(0, 7680, 10))
    weights = Counter(((number << 10) + q // 2) // q % 1024 for number in range(q))
    expected = {number: counts.total() * weight / q for number, weight in weights.items()}
    return sum((counts[number] - wanted) ** 2 / wanted for number, wanted in expected.items()) < 1500


def is_x448_public_key(key: bytes) -> bool:
    """Whether it lies on the curve and not on its twist, as half of all strings do (RFC 7748)."""
    u = int.from_bytes(key, "little")
    return pow(u**3 + 156326 * u**2 + u, (X448_PRIME - 1) // 2, X448_PRIME) in (0, 1)


def with_coefficient(value: int, place: int) -> bytes:
    """`ENCAPSULATION_KEY` with one of its 768 coefficients, of 12 bits each (FIPS 203, section 5.1)."""
    coefficients = int.from_bytes(ENCAPSULATION_KEY[:1152], "little") & ~(0xFFF << 12 * place)
    return (coefficients | value << 12 * place).to_bytes(1152, "little") + ENCAPSULATION_KEY[1152:]


@pytest.fixture(params=["engine", "pure"], autouse=True, scope="module")
def implementation(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run each test with what is built here, and without the engine."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "pure":
            for name in ("nist_public_key", "ml_kem_768_ciphertext"):
                patch.setattr(keyshare, name, getattr(pure_keyshare, name))
            patch.setattr(keyshare, "new_x25519_public_key", pure_keyshare.x25519_public_key)
        yield


def answer_to(group: int, client_share: bytes) -> bytes | None:
    return KeyShares().answer_to(group, client_share)


@pytest.mark.parametrize("group", CURVES)
def test_a_nist_curve_is_answered_with_a_fresh_point_of_it(group: int) -> None:
    curve = CURVES[group]
    client = ec.generate_private_key(curve)

    answers = [answer_to(group, point(client)) for _ in range(2)]

    assert answers[0] != answers[1]
    for answer in answers:
        assert answer is not None
        assert len(answer) == {0x17: 65, 0x18: 97, 0x19: 133}[group]
        assert client.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(curve, answer))


@pytest.mark.parametrize("group", CURVES)
def test_a_client_whose_point_is_not_of_the_curve_gets_no_answer(group: int) -> None:
    client = point(ec.generate_private_key(CURVES[group]))
    moved = client[:-1] + bytes((client[-1] ^ 1,))
    hybrid = bytes((6 + client[-1] % 2,)) + client[1:]
    compressed = point(ec.generate_private_key(CURVES[group]), PublicFormat.CompressedPoint)
    size = len(client)

    for share in (moved, hybrid, compressed, bytes(size), b"\x04" + bytes(size - 1), b"\x04" + b"\xff" * (size - 1)):
        assert answer_to(group, share) is None
    assert answer_to(group, client[:-1]) is None
    assert answer_to(group, client + b"\x00") is None


def test_x25519_and_x448_are_answered_with_keys_on_their_curves() -> None:
    x25519 = {answer_to(NamedGroup.X25519, os.urandom(32)) for _ in range(20)}
    client = X448PrivateKey.generate()
    x448 = {answer_to(NamedGroup.X448, client.public_key().public_bytes_raw()) for _ in range(20)}

    assert len(x25519) == len(x448) == 20
    assert all(answer and len(answer) == 32 and is_x25519_public_key(answer) for answer in x25519)
    assert all(answer and len(answer) == 56 and is_x448_public_key(answer) for answer in x448)
    assert all(client.exchange(X448PublicKey.from_public_bytes(answer)) for answer in x448 if answer)


def test_x25519_mlkem768_is_answered_with_a_ciphertext_and_a_key() -> None:
    client_share = ENCAPSULATION_KEY + X25519_SHARE

    first, second = (answer_to(NamedGroup.X25519_MLKEM768, client_share) for _ in range(2))

    assert first is not None
    assert second is not None
    for answer in (first, second):
        assert len(answer) == 1120
        assert is_x25519_public_key(answer[1088:])
    assert first[:1088] != second[:1088]
    assert first[1088:] != second[1088:]


def test_secp256r1_mlkem768_is_answered_with_a_point_and_a_ciphertext() -> None:
    answer = answer_to(NamedGroup.SECP256R1_MLKEM768, point(P256_KEY) + ENCAPSULATION_KEY)

    assert answer is not None
    assert len(answer) == 65 + 1088
    assert P256_KEY.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), answer[:65]))


def test_ciphertexts_are_spread_as_ml_kem_spreads_them_unlike_random_bytes() -> None:
    share = ENCAPSULATION_KEY + X25519_SHARE
    answers = [answer_to(NamedGroup.X25519_MLKEM768, share) or b"" for _ in range(100)]

    assert looks_like_ciphertexts([answer[:1088] for answer in answers])
    assert not looks_like_ciphertexts([os.urandom(1088) for _ in range(100)])


@given(place=st.integers(0, 767), value=st.integers(0, 4095) | st.sampled_from([q - 1, q]))
def test_coefficients_have_to_be_reduced(place: int, value: int) -> None:
    key = with_coefficient(value, place)

    assert (answer_to(NamedGroup.X25519_MLKEM768, key + X25519_SHARE) is not None) == (value < q)
    assert (answer_to(NamedGroup.SECP256R1_MLKEM768, point(P256_KEY) + key) is not None) == (value < q)


@pytest.mark.parametrize("group", NamedGroup)
@given(size=st.integers(0, 1300))
def test_a_client_share_of_another_length_gets_no_answer(group: int, size: int) -> None:
    right = {0x17: 65, 0x18: 97, 0x19: 133, 0x1D: 32, 0x1E: 56, 0x11EB: 1249, 0x11EC: 1216}[group]

    if size != right:
        assert answer_to(group, (point(P256_KEY) + ENCAPSULATION_KEY * 2)[:size]) is None


def test_a_hybrid_share_with_a_point_that_is_none_gets_no_answer() -> None:
    assert answer_to(NamedGroup.SECP256R1_MLKEM768, b"\x04" + bytes(64) + ENCAPSULATION_KEY) is None
    assert answer_to(NamedGroup.SECP256R1_MLKEM768, ENCAPSULATION_KEY + point(P256_KEY)) is None, "the other order"


@given(group=st.integers(0, 0xFFFF) | st.integers(), share=st.binary(max_size=70))
def test_groups_that_we_do_not_know_get_no_answer(group: int, share: bytes) -> None:
    if group not in set(NamedGroup):
        assert answer_to(group, share) is None
