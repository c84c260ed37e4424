"""Users and their links, as a running program tells them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mtg.control.users import known_users
from support.control import ask
from unit.mtg.control.running import SECRET, running

PUBLIC: dict[str, Any] = {"public-ipv4": "192.0.2.1", "public-ipv6": "2001:db8::1"}
PORT = 4433
WITH_A_PORT: dict[str, Any] = {**PUBLIC, "bind-to": ["127.0.0.1:0", f"127.0.0.1:{PORT}"]}


async def test_the_one_user_has_the_secret_of_the_configuration(tmp_path: Path) -> None:
    async with running(tmp_path) as program:
        listed = (await ask(program.socket, "GET", "/v1/users")).body["users"]
        shown = (await ask(program.socket, "GET", "/v1/users/default")).body
        missing = await ask(program.socket, "GET", "/v1/users/anna")
        (known,) = known_users(program.app)
    assert listed == [shown]
    assert shown == {
        "name": "default",
        "host": "front.example",
        "source": "test",
        "is_read_only": True,
        "enabled": True,
        "expires_unix": None,
        "quota_bytes": None,
        "quota_period": "total",
        "max_connections": None,
        "max_networks": None,
        "connections": 0,
        "networks": None,
        "streams": 0,
        "from_client_bytes": 0,
        "to_client_bytes": 0,
        "period_bytes": 0,
        "last_seen_unix": None,
    }
    assert missing.status == 404
    assert SECRET.hex() not in repr(known)


async def test_links_have_the_secret_and_the_public_addresses(tmp_path: Path) -> None:
    async with running(tmp_path, **WITH_A_PORT) as program:
        found = (await ask(program.socket, "GET", "/v1/users/default/link")).body
        assert (await ask(program.api, "GET", "/v1/users/default/link")).status == 403
    assert [(link["server"], link["port"]) for link in found["links"]] == [("192.0.2.1", PORT), ("2001:db8::1", PORT)]
    assert found["links"][0]["tg_url"] == f"tg://proxy?server=192.0.2.1&port={PORT}&secret={SECRET.base64()}"
    assert found["links"][0]["tme_url"].startswith("https://t.me/proxy?")


@pytest.mark.parametrize(
    ("shape", "content_type", "begin"),
    [
        ("svg", "image/svg+xml", b"<?xml"),
        ("png", "image/png", b"\x89PNG"),
        ("text", "text/plain; charset=utf-8", "█".encode()[:1]),
    ],
)
async def test_the_first_link_is_drawn(tmp_path: Path, shape: str, content_type: str, begin: bytes) -> None:
    async with running(tmp_path, **WITH_A_PORT) as program:
        answer = await ask(program.socket, "GET", f"/v1/users/default/link?format={shape}")
    assert (answer.status, answer.headers["content-type"]) == (200, content_type)
    assert answer.headers["cache-control"] == "no-store"
    assert begin in answer.body[:200]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/users/default/link?format=gif", 400),
        ("/v1/users/anna/link", 404),
        ("/v1/users/default/link", 422),  # the system chooses the port
    ],
)
async def test_a_link_that_is_not_there(tmp_path: Path, path: str, status: int) -> None:
    async with running(tmp_path, **PUBLIC) as program:
        answer = await ask(program.socket, "GET", path)
    assert answer.status == status
    assert SECRET.hex() not in str(answer.body)
