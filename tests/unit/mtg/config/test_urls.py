"""URLs of the configuration: texts here, whose passwords are never shown."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtg.config.urls import PrivateURL


def test_user_part_is_not_in_repr_or_str() -> None:
    url = PrivateURL.parse("socks5://joe:hush@h:1")
    assert "hush" in url.url
    for shown in (repr(url), str(url), f"{url}"):
        assert "hush" not in shown
        assert "joe" not in shown


@pytest.mark.parametrize("value", [1, None, ["socks5://h:1"]])
def test_a_url_is_a_text(value: object) -> None:
    with pytest.raises(ValueError, match=r"^a URL as a text$"):
        PrivateURL.parse(value)


@settings(deadline=None)
@given(st.text() | st.from_regex(r"(socks5|https|udp)://[ -~]{0,30}", fullmatch=True))
def test_the_url_parser_raises_nothing_but_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        PrivateURL.parse(text)
