"""URLs of the configuration: what is accepted, and that passwords are never shown."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtg.config.urls import HTTPSURL, DNSServer, ListSource, ProxyURL, RedisURL


@pytest.mark.parametrize(
    "text",
    [
        "socks5://127.0.0.1",
        "socks5h://user:password@proxy.example:1080",
        "socks5://[::1]:1080?open_threshold=5&half_open_timeout=1m&reset_failures_timeout=10s",
        "",
    ],
)
def test_proxy_url_is_what_mtg_accepts(text: str) -> None:
    assert ProxyURL.parse(text).url == text


@pytest.mark.parametrize(
    "value", ["http://x:1", "socks5://", "x", "socks5://h:0", "socks5://h:99999", "socks5://h/x", 1]
)
def test_proxy_url_says_what_it_expects(value: object) -> None:
    with pytest.raises(ValueError, match=r"^socks5://\[user:password@\]host"):
        ProxyURL.parse(value)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("x=1", "only open_threshold, half_open_timeout, reset_failures_timeout"),
        ("open_threshold=0", "open_threshold to be a number"),
        ("half_open_timeout=5", "half_open_timeout to be a duration such as"),
    ],
)
def test_proxy_url_checks_the_circuit_breaker(query: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        ProxyURL.parse(f"socks5://h:1?{query}")


@pytest.mark.parametrize("url", [ProxyURL.parse("socks5://joe:hush@h:1"), RedisURL.parse("redis://joe:hush@h/0")])
def test_user_part_is_not_in_repr_or_str(url: ProxyURL | RedisURL) -> None:
    assert "hush" in url.url
    for shown in (repr(url), str(url), f"{url}"):
        assert "hush" not in shown
        assert "joe" not in shown


@pytest.mark.parametrize(
    "text",
    [
        *("", "1.1.1.1", "2606:4700:4700::1111", "udp://1.1.1.1:5353"),
        *("tls://dns.google", "https://1.1.1.1/dns-query"),
    ],
)
def test_dns_server_is_what_mtg_accepts(text: str) -> None:
    assert DNSServer.parse(text) == text


@pytest.mark.parametrize(
    "value", ["xx", "dns://1.1.1.1", "udp://1.1.1.1/x", "1.1.1.1/x", "tls://1.1.1.1/x", "https://u:p@1.1.1.1", 1]
)
def test_dns_server_refuses_what_mtg_refuses(value: object) -> None:
    with pytest.raises(ValueError, match=r"https://|udp://"):
        DNSServer.parse(value)


def test_list_sources_are_urls_and_absolute_paths() -> None:
    for text in ("https://iplists.firehol.org/files/firehol_level1.netset", "http://h/x", "/etc/mtg/list.netset"):
        assert ListSource.parse(text) == text
    for value in ("list.netset", "ftp://h/x", ""):
        with pytest.raises(ValueError, match="URL or an absolute path"):
            ListSource.parse(value)


def test_https_url_is_https() -> None:
    assert HTTPSURL.parse("https://cdn.example/a.js") == "https://cdn.example/a.js"
    with pytest.raises(ValueError, match="an https:// URL"):
        HTTPSURL.parse("http://cdn.example/a.js")


@settings(deadline=None)
@given(st.text() | st.from_regex(r"(socks5|https|udp)://[ -~]{0,30}", fullmatch=True))
def test_url_parsers_raise_nothing_but_value_error(text: str) -> None:
    for parse in (ProxyURL.parse, DNSServer.parse, ListSource.parse, HTTPSURL.parse, RedisURL.parse):
        with contextlib.suppress(ValueError):
            parse(text)
