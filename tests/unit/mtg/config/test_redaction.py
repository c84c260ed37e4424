"""What messages may say of a value."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mtglib
from mtg.config.redaction import SHOWN_CHARACTERS, redact, shown, shown_key

SECRET = mtglib.Secret(bytes(range(16)), "front.example")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (0, "0"),
        (1.5, "1.5"),
        ("x", '"x"'),
        ("a\n\x1b[31m", '"a\\n\\u001b[31m"'),
        ([], "an empty list"),
        ([1], "a list"),
        ({}, "a table"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
    ],
)
def test_values_are_shown_as_toml(value: object, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("socks5://user:pass@host:1", "socks5://***@host:1"),
        ("socks5:/user:p@ss@host:1", "socks5:/***@host:1"),
        ("user:pass@host", "***@host"),
        ("https://host/list?token=hush", "https://host/list?***"),
        ("https://u:p?w@host/list#hush", "https://***@host/list#***"),
        ("plain", "plain"),
        (SECRET.hex(), "***"),
        (SECRET.base64(), "***"),
        (f"0.0.0.0:{SECRET.hex()[:40]}", "0.0.0.0:***"),
        (SECRET.hex()[1:], "***"),
        ("dd" + SECRET.key.hex(), "***"),
        (SECRET.key.hex(), "***"),
        ("ee " + SECRET.key.hex(), "ee ***"),
        (SECRET.base64() + "!", "***!"),
        (f"t.me/proxy?secret={SECRET.base64()}&port=1", "t.me/proxy?secret=***&port=1"),
        ("/etc/mtg/7-friends-of-ours.toml", "/etc/mtg/7-friends-of-ours.toml"),
    ],
)
def test_user_parts_and_secrets_are_masked(text: str, clean: str) -> None:
    assert redact(text) == clean


def test_long_values_are_cut() -> None:
    assert len(shown("x" * 1000)) == SHOWN_CHARACTERS + 2


@settings(deadline=None)
@given(st.text())
def test_shown_is_one_printable_line(text: str) -> None:
    assert shown(text).isprintable()
    assert shown_key(text).isprintable()


def test_a_key_is_bare_where_it_can_be() -> None:
    assert shown_key("bind-to") == "bind-to"
    assert shown_key("bind to") == '"bind to"'
    assert shown_key(SECRET.hex()) == '"***"'
