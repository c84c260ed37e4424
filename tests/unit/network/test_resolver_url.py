"""Resolvers by their URL: what is understood, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtglib
from mtglib.network import Resolver, SystemResolver, resolver_from_url
from mtglib.network.resolver_url import _parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.1.1.1", ("udp", "1.1.1.1", 53, "/dns-query")),
        ("1.1.1.1:5353", ("udp", "1.1.1.1", 5353, "/dns-query")),
        ("2001:db8::1", ("udp", "2001:db8::1", 53, "/dns-query")),
        ("[2001:db8::1]:5353", ("udp", "2001:db8::1", 5353, "/dns-query")),
        ("udp://1.1.1.1/", ("udp", "1.1.1.1", 53, "/dns-query")),
        ("tls://1.1.1.1", ("tls", "1.1.1.1", 853, "/dns-query")),
        ("tls://dns.example:8853", ("tls", "dns.example", 8853, "/dns-query")),
        ("https://1.1.1.1", ("https", "1.1.1.1", 443, "/dns-query")),
        ("https://[2001:db8::1]:8443/", ("https", "2001:db8::1", 8443, "/dns-query")),
        ("HTTPS://dns.example/a/b?c=d", ("https", "dns.example", 443, "/a/b?c=d")),
    ],
)
def test_a_url_says_how_to_ask_whom(text: str, expected: tuple[str, str, int, str]) -> None:
    assert _parse(text) == expected
    assert isinstance(resolver_from_url(text), Resolver)


def test_nothing_is_the_systems_resolver() -> None:
    assert isinstance(resolver_from_url(""), SystemResolver)


@pytest.mark.parametrize(
    "text",
    [
        *("dns.example", "udp://dns.example", "tls://", "https://", "http://1.1.1.1", "1.1.1.1:0", "1.1.1.1:65536"),
        *(
            "tls://1.1.1.1/path",
            "udp://1.1.1.1?x=1",
            "https://me:pw@1.1.1.1",
            "https://1.1.1.1/#x",
            "[::1",
            "::1]",
            " ",
        ),
    ],
)
def test_what_cannot_work_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^dns: expected") as caught:
        resolver_from_url(text)
    assert "pw" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_no_time_is_refused(seconds: float) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^timeout_seconds: expected"):
        resolver_from_url("1.1.1.1", timeout_seconds=seconds)


@given(text=st.text() | st.text("0123456789.:[]/@#?tlsudph").map("https://".__add__))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        scheme, host, port, path = _parse(text)
    except mtglib.OptionError:
        return
    assert scheme in ("udp", "tls", "https")
    assert host
    assert 0 < port < 65_536
    assert path.startswith("/")


def test_importing_the_library_brings_neither_dns_nor_http() -> None:
    code = "import sys, mtglib.network; print([name for name in ('dns', 'httpx2', 'httpcore2') if name in sys.modules])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"[]\n"
