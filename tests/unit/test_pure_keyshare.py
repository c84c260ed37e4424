"""Key shares of an installation that lacks the engine, or an algorithm."""

from __future__ import annotations

import hashlib
import sys
from types import SimpleNamespace

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x448
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mtglib import pure_keyshare
from support.without_engine import run_without_engine

ML_KEM_KEY = mlkem.MLKEM768PrivateKey.generate()
ENCAPSULATION_KEY = ML_KEM_KEY.public_key().public_bytes_raw()
POINT = ec.generate_private_key(ec.SECP256R1()).public_key()


def refuse(*_arguments: object) -> object:
    raise UnsupportedAlgorithm("not supported by this backend")


REFUSING = SimpleNamespace(from_public_bytes=refuse, generate=refuse)


@pytest.mark.parametrize("module", [None, SimpleNamespace(MLKEM768PublicKey=REFUSING, X448PrivateKey=REFUSING)])
def test_there_is_no_key_share_of_what_cryptography_lacks(monkeypatch: pytest.MonkeyPatch, module: object) -> None:
    """An old release has no module for it; others refuse where they were built with an old OpenSSL."""
    for name in (mlkem.__name__, x448.__name__):
        monkeypatch.setitem(sys.modules, name, module)
    point = POINT.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    assert pure_keyshare.ml_kem_768_ciphertext(ENCAPSULATION_KEY) is None
    assert pure_keyshare.x448_public_key() is None
    assert pure_keyshare.nist_public_key(0x0017, point) is not None


def test_python_encapsulates() -> None:
    ciphertext = pure_keyshare.ml_kem_768_ciphertext(ENCAPSULATION_KEY)

    assert ciphertext is not None
    z = ML_KEM_KEY.private_bytes_raw()[32:]
    rejected = hashlib.shake_256(z + ciphertext).digest(32)  # what others are decapsulated to (FIPS 203, section 6.3)
    assert ML_KEM_KEY.decapsulate(ciphertext) != rejected


def test_without_the_engine_pure_python_is_used() -> None:
    script = (
        "import sys; from mtglib.keyshare import KeyShares, NamedGroup;"
        "share = bytes.fromhex(sys.argv[1]);"
        "print(len(KeyShares().answer_to(NamedGroup.X25519_MLKEM768, share)), sys.modules['mtglib._engine'])"
    )

    assert run_without_engine(script, ENCAPSULATION_KEY.hex() + bytes(32).hex()) == "1120 None"
