"""Links."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

import mtglib
from mtg.links import make_links

SECRET = mtglib.Secret(bytes(range(16)), "front.example")


@pytest.mark.parametrize("server", ["198.51.100.7", "2001:db8::7", "proxy.example"])
@pytest.mark.parametrize("secret", [SECRET.hex(), SECRET.base64()])
def test_both_links_carry_server_port_and_secret(server: str, secret: str) -> None:
    links = make_links(server, 443, secret)
    assert links.tg_url.startswith("tg://proxy?")
    assert links.tme_url.startswith("https://t.me/proxy?")
    for url in (links.tg_url, links.tme_url):
        assert parse_qs(urlsplit(url).query) == {"server": [server], "port": ["443"], "secret": [secret]}
