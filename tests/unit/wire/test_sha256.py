"""SHA-256 and HMAC-SHA256, from the engine and without it, beside the standard library's."""

from __future__ import annotations

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from mtglib.wire.sha256 import hmac_sha256, sha256
from support.without_engine import run_without_engine


@given(st.binary(max_size=200), st.binary(max_size=5000))
def test_is_what_the_standard_library_says(key: bytes, data: bytes) -> None:
    assert hmac_sha256(key, data) == hmac.digest(key, data, "sha256")
    assert sha256(data) == hashlib.sha256(data).digest()


def test_is_the_same_without_the_engine() -> None:
    script = (
        "from mtglib.wire.sha256 import hmac_sha256, sha256\n"
        "print(hmac_sha256(b'key', b'data').hex(), sha256(b'data').hex())"
    )

    assert run_without_engine(script) == f"{hmac_sha256(b'key', b'data').hex()} {sha256(b'data').hex()}"
