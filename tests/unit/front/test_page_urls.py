"""Which URLs are pages of the site."""

from __future__ import annotations

from typing import Any

import pytest

from mtglib import OptionError
from mtglib.front.page_urls import Page, parse_page_urls


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
    assert parse_page_urls([url], "front.example", 8443) == (Page("front.example", target),)


@pytest.mark.parametrize(
    "url",
    [
        "http://front.example/",
        "https://other.example/",
        "https://front.example.:443/",
        "https://front.example:8444/",
        "https://joe:hush@front.example/",
        "front.example/",
        "",
        None,
    ],
)
def test_anything_else_is_refused_and_not_shown(url: Any) -> None:
    with pytest.raises(OptionError) as caught:
        parse_page_urls(["https://front.example/", url], "front.example", 443)

    assert str(caught.value) == (
        "record_urls[1]: expected an https URL of the fronting site, such as https://front.example/"
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
        parse_page_urls(urls, "front.example", 443)
