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
        (-(10**12), "-1000000000000"),
        (int(SECRET.hex(), 16), "a huge number"),
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
        (f"0.0.0.0:{SECRET.hex()[:40]}", "***"),
        (SECRET.hex()[1:], "***"),
        ("dd" + SECRET.key.hex(), "***"),
        (SECRET.key.hex(), "***"),
        ("ee " + SECRET.key.hex(), "***"),
        (SECRET.base64() + "!", "***"),
        (f"t.me/proxy?secret={SECRET.base64()}&port=1", "***"),
    ],
)
def test_user_parts_and_secrets_are_masked(text: str, clean: str) -> None:
    assert redact(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "front-1.some-long-host-name.example.com",
        "ec2-203-0-113-25.compute-1.amazonaws.com",
        "xn--e1afmkfd.xn--80akhbyknj4f.example",
        "d111111abcdef8.cloudfront.net",
        "/etc/mtg/7-friends-of-ours.toml",
        "/run/secrets/MtgSecret1",
        "/tmp/tmp.Xy3fQ9aBcD/mtg.toml",
        "/srv/User1/Documents/MyProxyFiles/Config-File-v2.toml",
        "/var/lib/kubelet/pods/3f2504e0-4f89-11d3-9a0c-0305e82c3301/volumes/mtg.toml",
        "/usr/lib/x86_64-linux-gnu/python3.11/site-packages/utf8mb4",
        "https://raw.githubusercontent.com/firehol/blocklist-ipsets/master/firehol_level1.netset",
        "[2001:db8:85a3:8d3:1319:8a2e:370:7348]:3129",
        "0.0.0.0:3128, [::]:3128",
        "1h30m5s100ms",
        "123456789012kib",
    ],
)
def test_ordinary_texts_can_be_read(text: str) -> None:
    assert redact(text) == text


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
