"""Secrets: what is let in as one, what comes out again, and that they never show themselves."""

from __future__ import annotations

import base64
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib import OptionError, Secret, SecretEmptyError, SecretInvalidError

KEY = bytes(range(16))
EXAMPLE = "ee367a189aee18fa31c190054efd4a8e9573746f726167652e676f6f676c65617069732e636f6d"

keys = st.binary(min_size=16, max_size=16).filter(any)
hosts = st.from_regex(r"\A[a-z0-9]([a-z0-9.-]{0,180}[a-z0-9])?\Z")
secrets = st.builds(Secret, keys, hosts)


def parsed(text: str) -> Secret | OptionError:
    """Parse, and return the error if there is one."""
    try:
        return Secret.parse(text)
    except OptionError as error:
        return error


@given(secrets)
def test_every_form_is_parsed_to_the_same_secret(secret: Secret) -> None:
    raw = b"\xee" + secret.key + secret.host.encode("ascii")
    plain, url_safe = base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()

    forms = (secret.hex(), secret.hex().upper(), secret.base64(), plain, plain.rstrip("="), url_safe)

    assert {Secret.parse(form) for form in forms} == {secret}
    assert (secret.hex(), secret.base64()) == (raw.hex(), url_safe.rstrip("="))
    assert secret.valid


@given(secrets)
def test_printing_shows_the_host_and_no_key(secret: Secret) -> None:
    for shown in (str(secret), repr(secret), f"{secret}", f"{secret!r:>9}"):
        assert secret.host in shown
        assert "***" in shown
        assert secret.key.hex() not in shown
        assert repr(secret.key) not in shown


@given(text=st.text(max_size=400) | st.from_regex(r"\A(ee|7)[0-9a-zA-Z+/_=-]{0,80}\Z"))
def test_any_text_is_a_valid_secret_or_an_option_error_without_the_text(text: str) -> None:
    outcome = parsed(text)
    if isinstance(outcome, Secret):
        assert outcome.valid
    else:
        assert outcome.field == "secret"
        assert "\n" not in str(outcome)
        assert len(text.strip()) < 9 or text.strip() not in str(outcome)
        assert outcome.__cause__ is None
        assert outcome.__suppress_context__ or outcome.__context__ is None


@given(secret=secrets, at=st.integers(0), bit=st.integers(0, 7))
def test_a_flipped_bit_is_another_secret_or_none(secret: Secret, at: int, bit: int) -> None:
    raw = bytearray.fromhex(secret.hex())
    raw[at % len(raw)] ^= 1 << bit
    assert parsed(raw.hex()) != secret


def test_the_contracts_own_example_is_understood() -> None:
    secret = Secret.parse(EXAMPLE)

    assert (secret.host, secret.key.hex()) == ("storage.googleapis.com", EXAMPLE[2:34])
    assert Secret.parse(f"  {EXAMPLE}\n") == secret


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_nothing_is_the_empty_error(text: str) -> None:
    with pytest.raises(SecretEmptyError, match=r"^secret: expected hex or base64, got nothing$"):
        Secret.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (EXAMPLE[:-1], "even number of hex digits"),
        ("dd" + EXAMPLE[2:], "an ee secret: dd secrets aren't supported; mtg generate-secret HOST"),
        ("dd" + EXAMPLE[2:34], "dd secrets aren't supported"),
        (EXAMPLE[2:34], "starts with ee"),
        (EXAMPLE[:16] + "x" + EXAMPLE[17:], "hex digits only .*, but character 17 isn't one"),
        (EXAMPLE[:17] + "/", "hex digits only .*, but character 18 isn't one"),
        ("tg://proxy?server=a.b&port=443&secret=" + EXAMPLE, "only what follows secret= in the link"),
        ("https://t.me/proxy?server=a.b&port=443&secret=" + EXAMPLE, "only what follows secret= in the link"),
        ("t.me/proxy?server=a.b&port=443&secret=" + EXAMPLE, "only what follows secret= in the link"),
        ("ee" + KEY.hex()[:-2], "16-byte key"),
        ("ee" + KEY.hex(), "host name of 1 to 182"),
        ("ee" + "00" * 16 + b"a.b".hex(), "isn't all zero"),
        ("ee" + KEY.hex() + "ff", "an ASCII host name"),
        ("ee" + KEY.hex() + b"a b".hex(), "letters, digits"),
        ("ee" + KEY.hex() + b"a\n".hex(), "letters, digits"),
        ("ee" + KEY.hex() + b"a".hex() * 183, "host name of 1 to 182"),
        ("7?" + EXAMPLE[2:], "hex or base64"),
        ("7" * 5, "even number|hex or base64"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, expected: str) -> None:
    with pytest.raises(SecretInvalidError, match=rf"^secret: expected .*({expected}).*$") as raised:
        Secret.parse(text)
    assert text not in str(raised.value)
    assert EXAMPLE[2:34] not in str(raised.value)


@pytest.mark.parametrize(
    ("key", "host"), [(b"", "a.b"), (bytes(16), "a.b"), (KEY + b"x", "a.b"), (KEY, ""), (KEY, "ä.b"), (KEY, "a" * 183)]
)
def test_a_secret_made_by_hand_knows_that_it_is_invalid(key: bytes, host: str) -> None:
    secret = Secret(key, host)

    assert not secret.valid
    with pytest.raises(SecretInvalidError):
        secret.checked()


def test_generated_secrets_are_fresh_and_valid() -> None:
    one, other = Secret.generate("front.example"), Secret.generate("front.example")

    assert one.valid
    assert one != other
    assert one.host == "front.example"


NO_SERVER_NAMES = (
    *("", "not a host", "https://a.b", "a.b:443", "ä.b", "a..b", "a.b.", ".a.b", "-a.b", "a-.b", "a.-b", "a.b-"),
    *("a" * 64 + ".b", "192.0.2.1", "1.2.3", "a.0x7f", "::1", "[::1]", ".".join(["a" * 60] * 4)),
)


@pytest.mark.parametrize("host", [*NO_SERVER_NAMES, None])
def test_no_secret_is_generated_for_what_no_server_has_as_its_name(host: Any) -> None:
    with pytest.raises(
        SecretInvalidError, match=r"^secret: expected a host name (such as www\.example\.com|of at most)"
    ):
        Secret.generate(host)


@pytest.mark.parametrize("host", ["localhost", "a-b.example", "a_b.example", "xn--bcher-kva.example", "a" * 63 + ".b"])
def test_secrets_are_generated_for_names(host: str) -> None:
    assert Secret.generate(host).host == host


@pytest.mark.parametrize("host", ["a..b", "a.b.", "192.0.2.1", "a-.b", "a" * 64 + ".b"])
def test_a_secret_that_clients_have_already_is_taken_with_such_a_host(host: str) -> None:
    assert Secret.parse(Secret(KEY, host).hex()).host == host


def test_equal_secrets_hash_alike_and_cannot_be_changed() -> None:
    key = os.urandom(16)

    assert {Secret(key, "a.b"), Secret(key, "a.b")} == {Secret(key, "a.b")}
    with pytest.raises(AttributeError):
        Secret(key, "a.b").host = "b.a"  # type: ignore[misc]
