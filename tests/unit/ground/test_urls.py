"""URLs are taken apart strictly, and nothing of them is shown that may be a secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtglib
from mtglib.ground.urls import URLParts, split_url


def list_url(text: str) -> URLParts:
    return split_url(text, ("http", "https"), "a URL", "url", may_have_fragment=True)


def test_a_url_has_parts() -> None:
    parts = list_url("HTTPS://me:p%40ss@Lists.Example:8443/a/b?q=1#f")

    assert (parts.scheme, parts.host, parts.port) == ("https", "lists.example", 8443)
    assert (parts.user, parts.password, parts.path, parts.query, parts.fragment) == ("me", "p%40ss", "/a/b", "q=1", "f")
    assert list_url("http://[2001:db8::1]").host == "2001:db8::1"


@pytest.mark.parametrize(
    "url",
    [
        *("", "lists.example", "ftp://lists.example", "http://", "http://me:hidden@", "http://hidden@[/", "//h/"),
        *("http://h:0", "http://h:99999", "http://h:", "http://h:x", "http://[h]", "http://[1.2.3.4]", "http://1.2.3"),
        *(
            "http://a b",
            "http://h/\n",
            "http://b\u00fccher.example/",
            "http://h/" + "a" * 2000,
            "http://hidden:12#hidden@h",
        ),
    ],
)
def test_what_cannot_be_right_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^url: expected ") as caught:
        list_url(url)
    assert "hidden" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_fragment_is_refused_unless_it_is_allowed() -> None:
    with pytest.raises(mtglib.OptionError, match="without #"):
        split_url("http://h/#f", ("http",), "a URL", "url")


def test_a_file_has_a_path_and_no_host() -> None:
    parts = split_url("unix:///run/a.sock?db=3", ("redis", "unix"), "a URL", "url", file_scheme="unix")

    assert (parts.path, parts.host, parts.query) == ("/run/a.sock", "", "db=3")
    for url in ("unix://", "redis:///run/a.sock"):
        with pytest.raises(mtglib.OptionError, match=r"^url: expected a URL$"):
            split_url(url, ("redis", "unix"), "a URL", "url", file_scheme="unix")


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("https://me:hidden@lists.example:8443/a.netset?hidden#hidden", "https://lists.example:8443/a.netset"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("http://[::1]/a", "http://[::1]/a"),
        ("HTTP://me@LISTS.example/a?", "http://lists.example/a"),
    ],
)
def test_a_label_has_nothing_secret(url: str, label: str) -> None:
    assert list_url(url).label == label
    assert "hidden" not in repr(list_url(url))


words = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="/?#@\\[]:"), min_size=8)


@given(user=words, password=words, query=words, fragment=words)
def test_no_part_of_an_address_that_may_be_secret_is_shown(user: str, password: str, query: str, fragment: str) -> None:
    text = f"https://{user}:{password}@h/x?{query}#{fragment}"
    url = list_url(text)

    assert url.label == "https://h/x"
    assert url.secrets
    for secret in url.secrets:
        text = text.replace(secret, "***")
    assert text == "https://***@h/x?***#***"


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        url = list_url("https://h" + text)
    except mtglib.OptionError:
        return
    assert url.text.isprintable()
    assert not {"?", "#"} & set(url.label)
