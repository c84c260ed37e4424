"""docs/disguise.md: both files of its example work together, as they are."""

from __future__ import annotations

import re
import tomllib

import pytest

from docs.pages import ROOT
from mtg.config import config_from_table
from support.netns import require_root_and_netns, run_in_netns
from support.nginx_site import nginx_is_missing

PAGE = (ROOT / "docs" / "disguise.md").read_text()
NAME = "www.example.org"


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert isinstance(found, str)
    return found


def test_a_visitor_gets_the_site_and_a_client_gets_through() -> None:
    if reason := nginx_is_missing():
        pytest.skip(reason)
    require_root_and_netns()
    table = tomllib.loads(block("toml"))
    config_from_table(table, source="docs")
    secret = bytes.fromhex(table["secret"])
    assert secret[17:].decode() == NAME

    seen = run_in_netns(
        "docs.own_site:everybody_comes", name=NAME, nginx=block("nginx"), mtg=block("toml"), key_hex=secret[1:17].hex()
    )

    assert "<title>A site</title>" in seen["page"]
    assert seen["log"][0].startswith("127.0.0.7 "), "the visitor's own address"
    assert f"Location: https://{NAME}/" in seen["at_port_80"]
    assert seen["proof"].endswith("certbot was here")
    assert seen["echo"] == "hello"
    assert seen["is_answered_alike"]
