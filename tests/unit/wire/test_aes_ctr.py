"""AES-256-CTR: the engine's and the fallback's are the same cipher."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.wire.aes_ctr import CipherState, crypt
from support.obfuscated2 import Keystream
from support.without_engine import run_without_engine

keys = st.binary(min_size=32, max_size=32)
ivs = st.binary(min_size=16, max_size=16) | st.integers(1, 3).map(lambda n: (2**128 - n).to_bytes(16))
NIST = {
    "key": "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
    "iv": "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
    "clear": "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
    "secret": "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5",
}
"""SP 800-38A, F.5.5."""


@given(key=keys, iv=ivs, data=st.binary(max_size=300))
def test_crypt_is_what_the_tests_own_peers_use(key: bytes, iv: bytes, data: bytes) -> None:
    assert crypt(key, iv, data) == Keystream(key, iv).apply(data)
    assert crypt(key, iv, crypt(key, iv, data)) == data


@given(key=keys, iv=ivs, offset=st.integers(0, 200), pieces=st.lists(st.binary(max_size=70), max_size=5))
def test_a_state_starts_anywhere_and_goes_on_in_pieces(key: bytes, iv: bytes, offset: int, pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    cipher = CipherState(key, iv, offset).start()

    assert b"".join(cipher.update(piece) for piece in pieces) == crypt(key, iv, bytes(offset) + whole)[offset:]


def test_the_standards_vector() -> None:
    key, iv, clear, secret = (bytes.fromhex(value) for value in NIST.values())

    assert crypt(key, iv, clear) == secret
    assert CipherState(key, iv).start().update(clear) == secret


def test_the_fallback_without_the_engine_is_the_same() -> None:
    script = "import sys; from mtglib.wire.aes_ctr import crypt; print(crypt(*map(bytes.fromhex, sys.argv[1:])).hex())"

    assert run_without_engine(script, NIST["key"], NIST["iv"], NIST["clear"]) == NIST["secret"]


@pytest.mark.parametrize(("key_bytes", "iv_bytes"), [(31, 16), (32, 15), (0, 16)])
def test_wrong_lengths_are_refused(key_bytes: int, iv_bytes: int) -> None:
    with pytest.raises(ValueError):
        crypt(bytes(key_bytes), bytes(iv_bytes), b"data")
    with pytest.raises(ValueError):
        CipherState(bytes(key_bytes), bytes(iv_bytes)).start()
