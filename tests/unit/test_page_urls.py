"""Which URLs are pages of the site."""

from __future__ import annotations

from typing import Any

import pytest

from mtglib import FrontAddress, OptionError
from mtglib.page_urls import Page, parse_page_urls

SITES = {"front.example": FrontAddress(port=8443), "second.example": FrontAddress()}


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://front.example", "/"),
        ("https://front.example/a/file.bin", "/a/file.bin"),
        ("https://Front.Example:443/?q=1", "/?q=1"),
        ("https://front.example:8443/x?y=z#part", "/x?y=z"),
    ],
)
def test_a_page_is_what_follows_the_host(url: str, target: str) -> None:
    assert parse_page_urls([url], SITES) == (Page("front.example", target),)


def test_each_site_has_its_own_port() -> None:
    assert parse_page_urls(["https://second.example/a"], SITES) == (Page("second.example", "/a"),)
    with pytest.raises(OptionError, match="has another port"):
        parse_page_urls(["https://second.example:8443/"], SITES)


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://front.example/", "is http"),
        ("https://other.example/", "has another host"),
        ("https://front.example.:443/", "has another host"),
        ("https://front.example:8444/", "has another port"),
        ("https://joe:hush@front.example/", "has a user part"),
        ("front.example/", "doesn't begin with https:// and a valid host"),
        ("ftp://front.example/", "doesn't begin with https:// and a valid host"),
        ("https:///x", "doesn't begin with https:// and a valid host"),
        ("", "doesn't begin with https:// and a valid host"),
        (None, "doesn't begin with https:// and a valid host"),
    ],
)
def test_anything_else_is_refused_with_a_reason_and_not_shown(url: Any, what: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_page_urls(["https://front.example/", url], SITES)

    assert str(caught.value) == (
        f"record_urls[1]: expected an https URL of the fronting site, such as https://front.example/ (this one {what})"
    )


@pytest.mark.parametrize(
    ("urls", "message"),
    [
        (["https://front.example/"] * 101, "record_urls: expected at most 100 URLs"),
        ("https://front.example/", "record_urls: expected a list of URLs, got str"),
    ],
)
def test_what_is_no_list_of_a_few_is_refused(urls: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_page_urls(urls, SITES)
