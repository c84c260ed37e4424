"""Links."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import mtglib

SECRET = mtglib.Secret(bytes(range(16)), "front.example")


@pytest.mark.parametrize("server", ["198.51.100.7", "2001:db8::7", "proxy.example"])
@pytest.mark.parametrize("base64", [False, True])
def test_both_links_carry_server_port_and_secret(server: str, base64: bool) -> None:
    links = mtglib.proxy_links(SECRET, server, 443, base64=base64)

    assert links.tg_url.startswith("tg://proxy?")
    assert links.tme_url.startswith("https://t.me/proxy?")
    secret = SECRET.base64() if base64 else SECRET.hex()
    for url in (links.tg_url, links.tme_url):
        assert parse_qs(urlsplit(url).query) == {"server": [server], "port": ["443"], "secret": [secret]}


def test_printing_them_shows_no_secret() -> None:
    assert repr(mtglib.proxy_links(SECRET, "proxy.example", 443)) == "ProxyLinks()"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("server", value) for value in ("", "proxy example", "proxy.example\n", None, 5)),
        *(("port", value) for value in (0, 65536, "443", None, True, 443.0)),
    ],
)
def test_where_nobody_can_connect_there_is_no_link(field: str, value: Any) -> None:
    given: dict[str, Any] = {"server": "proxy.example", "port": 443} | {field: value}

    with pytest.raises(mtglib.OptionError, match=rf"^{field}: expected"):
        mtglib.proxy_links(SECRET, **given)


def test_a_secret_that_cannot_work_makes_no_link() -> None:
    with pytest.raises(mtglib.SecretInvalidError):
        mtglib.proxy_links(mtglib.Secret(bytes(16), "front.example"), "proxy.example", 443)


@pytest.mark.parametrize("secret", ["ee00112233445566778899aabbccddeeff612e62", b"", None])
def test_a_secret_as_text_is_refused_and_not_shown(secret: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^secret: expected a Secret, such as .*, got (str|bytes|NoneType)$"):
        mtglib.proxy_links(secret, "proxy.example", 443)
