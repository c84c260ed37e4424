"""Resolvers by their URL: what is understood, and what is refused."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtglib
from mtglib.network import ClosableResolver, Direct, ResolverURL, SystemResolver, resolver_from_url


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
        ("https://DNS.example:8443?c=d", ("https", "dns.example", 8443, "/dns-query?c=d")),
        ("tls://[::1]", ("tls", "::1", 853, "/dns-query")),
        ("::1", ("udp", "::1", 53, "/dns-query")),
        ("fe80::1%lo", ("udp", "fe80::1%lo", 53, "/dns-query")),
        ("udp://[fe80::1%lo]:5353", ("udp", "fe80::1%lo", 5353, "/dns-query")),
    ],
)
def test_a_url_says_how_to_ask_whom(text: str, expected: tuple[str, str, int, str]) -> None:
    assert ResolverURL.parse(text) == ResolverURL(*expected)
    assert isinstance(resolver_from_url(text), ClosableResolver)


def test_nothing_is_the_systems_resolver() -> None:
    assert isinstance(resolver_from_url(""), SystemResolver)


@pytest.mark.parametrize(
    "text",
    [
        *("dns.example", "udp://dns.example", "tls://", "https://", "http://1.1.1.1", "1.1.1.1:0", "1.1.1.1:65536"),
        *("tls://1.1.1.1/path", "udp://1.1.1.1?x=1", "https://me:pw@1.1.1.1", "https://me@1.1.1.1", "tls://@1.1.1.1"),
        *("https://1.1.1.1/#x", "https://1.1.1.1/#", "[::1", "::1]", "tls://::1", "https://2001:db8::1/pw"),
        *(" ", " 1.1.1.1", "1.1.1.1 ", "tls://dns.exa\nmple", "tls://a b", "tls://dns.ex\u00e4mple", "1.1.1.1\0"),
        *("tls://1.1.1.1:", "https://a:/pw", "1.1.1.1:x", "1.1.1", "tls://1.1.1", "tls://256.1.1.1", "tls://0x1"),
        *(
            "tls://[fe80::1%lo]",
            "https://[fe80::1%lo]/pw",
            "tls://[dns.example]",
            "tls://a..b",
            "tls://.",
            "https://a%2eb",
        ),
        *(
            "https://dns.example/pw{?dns}",
            'https://dns.example/"pw',
            "https://dns.example/pw\\",
            "tls://" + "a" * 64,
            "tls://" + ".".join(["a" * 60] * 5),
        ),
        *(None, 1, b"1.1.1.1", ["1.1.1.1"]),
    ],
)
def test_what_cannot_work_is_refused_without_quoting_it(text: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^url: expected") as caught:
        resolver_from_url(text)
    assert caught.value.field == "url"
    assert "pw" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_by_default_a_dead_server_leaves_a_dial_some_time() -> None:
    """Within it, what the server said before can stand in."""
    default = inspect.signature(resolver_from_url).parameters["timeout_seconds"].default

    assert 1 <= default < mtglib.DEFAULT_DIAL_TIMEOUT


def test_what_a_path_may_tell_is_not_shown() -> None:
    url = ResolverURL.parse("https://dns.example:8443/pw?id=pw")

    assert "pw" not in repr(url)
    assert url.server == "https://dns.example:8443"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("timeout_seconds", value) for value in (0, -1, float("nan"), float("inf"), 3601, "3", None, True)),
        *(("dial", value) for value in ("direct", 1, Direct())),
        *(("ssl_context", value) for value in ("ca.pem", True)),
    ],
)
@pytest.mark.parametrize("url", ["", "1.1.1.1", "tls://1.1.1.1", "https://1.1.1.1"])
def test_arguments_that_cannot_work_are_refused(url: str, field: str, value: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=rf"^{field}: expected") as caught:
        resolver_from_url(url, **{field: value})
    assert caught.value.field == field


@given(text=st.text() | st.text("0123456789.:[]/@#?%{}tlsudph").map("https://".__add__))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        url = ResolverURL.parse(text)
    except mtglib.OptionError:
        return
    assert url.scheme in ("udp", "tls", "https")
    assert 0 < url.port < 65_536
    if url.scheme == "https":
        assert httpx2.URL(url.server + url.target).host == url.host, "what the HTTP client will ask"


def test_importing_the_library_brings_neither_dns_nor_http() -> None:
    code = "import sys, mtglib.network; print([name for name in ('dns', 'httpx2', 'httpcore2') if name in sys.modules])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"[]\n"
