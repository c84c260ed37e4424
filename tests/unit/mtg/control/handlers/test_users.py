"""Users and their links, as a running program tells them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import mtglib
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
        "networks": 0,
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


OTHER = mtglib.Secret(bytes(range(1, 17)), "other.example")
IN_FILE = f"""\
# mine
[users.anna]  # a friend
secret = "{OTHER.hex()}"
"""


def with_users(tmp_path: Path, text: str | None = IN_FILE) -> dict[str, Any]:
    if text is not None:
        (tmp_path / "users.toml").touch(mode=0o600)
        (tmp_path / "users.toml").write_text(text)
    return {"users-file": "users.toml", "users": {"root": {"quota": "1mb", "secret": SECRET.hex()}}, "secret": None}


def in_file(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((tmp_path / "users.toml").read_text()).get("users", {})
    return found


async def test_users_of_both_files_are_listed_with_their_limits(tmp_path: Path) -> None:
    async with running(tmp_path, **with_users(tmp_path)) as program:
        root, anna = (await ask(program.socket, "GET", "/v1/users")).body["users"]
        stats = (await ask(program.socket, "GET", "/stats")).body
    assert (root["name"], root["source"], root["is_read_only"], root["quota_bytes"]) == ("root", "test", True, 2**20)
    assert (anna["name"], anna["host"], anna["is_read_only"]) == ("anna", "other.example", False)
    assert anna["source"] == str(tmp_path / "users.toml")
    assert list(stats["users"]) == ["root", "anna"]


async def test_a_user_is_added_changed_rotated_and_removed(tmp_path: Path) -> None:
    async with running(tmp_path, **with_users(tmp_path)) as program:
        added = await ask(program.socket, "POST", "/v1/users/b.c", b'{"quota":"10gb","max-connections":20}')
        assert (added.status, added.body["quota_bytes"], added.body["host"]) == (201, 10 * 2**30, "front.example")
        secret = in_file(tmp_path)["b.c"]["secret"]
        assert secret not in str(added.body)

        changed = await ask(program.socket, "PATCH", "/v1/users/b.c", b'{"quota":null,"enabled":false}')
        assert (changed.body["quota_bytes"], changed.body["enabled"], changed.body["max_connections"]) == (
            None,
            False,
            20,
        )
        assert in_file(tmp_path)["b.c"] == {"secret": secret, "max-connections": 20, "enabled": False}

        rotated = await ask(program.socket, "POST", "/v1/users/b.c/rotate?host=new.example")
        assert (rotated.status, rotated.body["host"]) == (200, "new.example")
        assert in_file(tmp_path)["b.c"]["secret"] != secret

        assert (await ask(program.socket, "DELETE", "/v1/users/b.c")).body == {"name": "b.c"}
        assert (await ask(program.socket, "GET", "/v1/users/b.c")).status == 404
        assert [user.name for user in program.app.parts.users] == ["root", "anna"]
    assert (tmp_path / "users.toml").read_text().rstrip() == IN_FILE.rstrip()
    lines = [message.text for message in program.logger.messages if message.name == "control"]
    assert lines == [
        *("the user was added", "the user was changed", "the user was given a new secret", "the user was removed"),
    ]
    assert secret not in str(program.logger.messages)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("POST", "/v1/users/anna", b"{}", 409, "anna: there is a user of this name"),
        ("POST", "/v1/users/root", b"{}", 409, "root: is a user of test, and can only be changed there"),
        ("PATCH", "/v1/users/root", b"{}", 409, "root: is a user of test, and can only be changed there"),
        ("POST", "/v1/users/root/rotate", b"", 409, "root: is a user of test, and can only be changed there"),
        ("DELETE", "/v1/users/root", b"", 409, "root: is a user of test, and can only be changed there"),
        ("PATCH", "/v1/users/nobody", b"{}", 404, "nobody: there is no user of this name"),
        ("DELETE", "/v1/users/nobody", b"", 404, "there is no user of this name"),
        ("POST", "/v1/users/nobody/rotate", b"", 404, "nobody: there is no user of this name"),
        ("POST", "/v1/users/a%20b", b"{}", 400, "name: expected"),
        ("POST", "/v1/users/b", b'{"quota":"0"}', 400, "quota: expected"),
        ("POST", "/v1/users/b", b'{"expires":"never"}', 400, "expires: expected"),
        ("POST", "/v1/users/b", b'{"host":"a b"}', 400, "host: expected"),
        ("POST", "/v1/users/b", b'{"secret":"ee00"}', 400, "secret: expected"),
        ("POST", "/v1/users/b", b'{"qouta":"1gb"}', 400, "the body isn't as expected"),
        ("POST", "/v1/users/b", b"", 400, "the body isn't JSON"),
        ("PATCH", "/v1/users/anna", b'{"host":"b.example"}', 400, "host: expected secret"),
        ("PATCH", "/v1/users/anna", b'{"quota":"x","expires":"x"}', 400, "the values aren't as expected"),
    ],
)
async def test_a_change_that_cannot_be_is_one_line_and_changes_nothing(
    tmp_path: Path, method: str, path: str, body: bytes, status: int, error: str
) -> None:
    async with running(tmp_path, **with_users(tmp_path)) as program:
        answer = await ask(program.socket, method, path, body)
        assert [user.name for user in program.app.parts.users] == ["root", "anna"]
    assert answer.status == status
    assert answer.body["error"].startswith(error)
    assert (tmp_path / "users.toml").read_text() == IN_FILE


async def test_the_key_of_another_user_is_refused_and_not_shown(tmp_path: Path) -> None:
    body = b'{"secret":"%b"}' % SECRET.hex().encode()
    async with running(tmp_path, **with_users(tmp_path)) as program:
        answer = await ask(program.socket, "POST", "/v1/users/b", body)
    assert answer.status == 400
    assert "root" in str(answer.body)
    assert SECRET.hex() not in str(answer.body)


async def test_a_users_file_that_is_broken_by_hand_is_an_error_until_it_is_mended(tmp_path: Path) -> None:
    async with running(tmp_path, **with_users(tmp_path)) as program:
        (tmp_path / "users.toml").write_text("[users.anna\n")
        broken = await ask(program.socket, "POST", "/v1/users/b", b"{}")
        (tmp_path / "users.toml").write_text(IN_FILE.replace("anna", "berta"))
        mended = await ask(program.socket, "POST", "/v1/users/b", b"{}")
        assert [user.name for user in program.app.parts.users] == ["root", "berta", "b"]
    assert broken.status == 409
    assert broken.body["error"].startswith(str(tmp_path / "users.toml"))
    assert mended.status == 201


async def test_without_a_users_file_users_can_only_be_changed_in_the_configuration(tmp_path: Path) -> None:
    async with running(tmp_path) as program:
        for method, path in (("POST", "/v1/users/b"), ("PATCH", "/v1/users/default"), ("DELETE", "/v1/users/default")):
            answer = await ask(program.socket, method, path, b"{}" if method != "DELETE" else b"")
            assert answer.status == 409
            assert "test" in answer.body["error"]
