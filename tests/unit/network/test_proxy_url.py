"""URLs of SOCKS5 proxies: what is understood; that of a wrong one nothing is quoted is for test_socks5."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtglib
from mtglib.network.proxy_url import ProxyURL


def test_what_is_left_out_has_a_default() -> None:
    assert ProxyURL.parse("socks5://proxy.example") == ProxyURL(
        host="proxy.example",
        port=1080,
        user=None,
        password=b"",
        open_threshold=5,
        half_open_timeout_seconds=60.0,
        reset_failures_timeout_seconds=10.0,
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("SOCKS5://PROXY.example:99/", ProxyURL("proxy.example", 99)),
        ("socks5h://192.0.2.1", ProxyURL("192.0.2.1")),
        ("socks5://[2001:db8::1]:9", ProxyURL("2001:db8::1", 9)),
        ("socks5://me@a", ProxyURL("a", user=b"me")),
        ("socks5://me:@a", ProxyURL("a", user=b"me")),
        ("socks5://m%3Ae:p%40ss%23@a", ProxyURL("a", user=b"m:e", password=b"p@ss#")),
        ("socks5://me:a+b@a", ProxyURL("a", user=b"me", password=b"a+b")),
        ("socks5://a?open_threshold=999999", ProxyURL("a", open_threshold=999_999)),
        ("socks5://a?half_open_timeout=1m30s", ProxyURL("a", half_open_timeout_seconds=90.0)),
        ("socks5://a?reset_failures_timeout=300ms", ProxyURL("a", reset_failures_timeout_seconds=0.3)),
    ],
)
def test_a_url_says_where_it_is_and_how_patient_to_be(url: str, expected: ProxyURL) -> None:
    assert ProxyURL.parse(url) == expected


@given(user=st.binary(min_size=1, max_size=255), password=st.binary(max_size=255))
def test_any_credentials_can_be_written(user: bytes, password: bytes) -> None:
    url = f"socks5://{quote(user, safe='')}:{quote(password, safe='')}@a"
    if len(url) > 2000:
        return
    parsed = ProxyURL.parse(url)

    assert (parsed.user, parsed.password) == (user, password)


@pytest.mark.parametrize(
    ("user", "password", "is_right"),
    [("u" * 255, "p" * 255, True), ("u" * 256, "", False), ("u", "p" * 256, False), ("", "p", False)],
)
def test_credentials_have_the_protocols_lengths(user: str, password: str, is_right: bool) -> None:
    url = f"socks5://{user}:{password}@a"
    if is_right:
        assert ProxyURL.parse(url).user == user.encode()
        return
    with pytest.raises(mtglib.OptionError, match=r"^proxies\[1\]: expected a user of 1 to 255 bytes"):
        ProxyURL.parse(url, "proxies[1]")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "socks5://a/path",
            "socks5://a%2eb",
            "socks5://[fe80::1%25lo]",
            "socks5://[fe80::1%lo]",
            "http://a",
            "socks5://",
            "socks5://a:0",
            "socks5://a?b=c",
        ),
        *("socks5://a?open_threshold=0", "socks5://a?open_threshold=01", "socks5://a?open_threshold=1000000"),
        *(
            "socks5://a?open_threshold=1&open_threshold=1",
            "socks5://a?half_open_timeout=",
            "socks5://a?OPEN_THRESHOLD=1",
        ),
    ],
)
def test_what_can_not_work_is_an_option_error_under_the_given_name(url: str) -> None:
    with pytest.raises(mtglib.OptionError) as raised:
        ProxyURL.parse(url, "proxies[1]")

    assert raised.value.field == "proxies[1]"


@pytest.mark.parametrize(
    ("url", "address"), [("socks5://A:9", "a:9"), ("socks5://[::1]", "[::1]:1080"), ("socks5://u:p@a", "a:1080")]
)
def test_an_address_for_messages_has_no_credentials(url: str, address: str) -> None:
    assert ProxyURL.parse(url).address == address


def test_credentials_do_not_show_themselves() -> None:
    assert not {"hidden", "somebody"} & set(repr(ProxyURL.parse("socks5://somebody:hidden@a")).split("'"))
