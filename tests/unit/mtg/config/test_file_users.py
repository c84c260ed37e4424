"""The users-file beside the configuration."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import mtglib
from mtg.config import Loaded, config_from_table

A, B = (mtglib.Secret(bytes([number]) * 16, f"{name}.example").hex() for number, name in ((1, "a"), (2, "b")))
CONFIG = f'secret = "{A}"\nbind-to = "127.0.0.1:1"\nusers-file = "users.toml"\n'


def loaded(tmp_path: Path, content: str | None, config: str = CONFIG) -> Loaded:
    if content is not None:
        (tmp_path / "users.toml").write_text(content)
        (tmp_path / "users.toml").chmod(0o600)
    return config_from_table(tomllib.loads(config), source="c", directory=tmp_path)


def test_its_users_come_behind_those_of_the_configuration(tmp_path: Path) -> None:
    found = loaded(tmp_path, f'# my friends\n[users.bob]\nsecret = "{B}"\nquota = "1gb"\n')
    assert found.problems == ()
    assert found.warnings == ()
    assert list(found.users) == ["default", "bob"]
    assert found.users_file == tmp_path / "users.toml"
    assert B not in repr(found)


@pytest.mark.parametrize("content", [None, "", "# nobody yet\n", "[users]\n"])
def test_it_may_be_missing_or_empty(tmp_path: Path, content: str | None) -> None:
    found = loaded(tmp_path, content)
    assert (found.problems, found.warnings) == ((), ())
    assert list(found.users) == ["default"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("[users.bob\n", ":1: expected a closing bracket after the table's name"),
        ("[users.bob]\n", ": users.bob.secret: missing; `mtg generate-secret HOST` makes one"),
        (f'[users.bob]\nsecret = "{A}"\n', ": users.bob.secret: expected a key that no other user has, got that of "),
        (f'[users.default]\nsecret = "{B}"\n', ": users.default: expected a name that no other user has, got that of "),
        (f'[users."a b"]\nsecret = "{B}"\n', ': users."a b": expected a name of 1 to 64 letters'),
        (f'[users.bob]\nsecret = "{B}"\nquota = 0\n', ": users.bob.quota: expected a size above 0"),
        ("concurrency = 5\n", ": concurrency: unknown key"),
        ("[users.bob]\nsecret = 'zz'\n", ": users.bob.secret: expected "),
    ],
)
def test_what_is_wrong_with_it_is_a_line_with_its_name(tmp_path: Path, content: str, line: str) -> None:
    (got,) = loaded(tmp_path, content).problems
    assert got.startswith(f"{tmp_path}/users.toml{line}")


def test_warnings_have_its_name(tmp_path: Path) -> None:
    (tmp_path / "users.toml").write_text(f'[users.bob]\nsecret = "{B}"\nmax-networks = 1\n')
    (tmp_path / "users.toml").chmod(0o640)
    path = tmp_path / "users.toml"
    first, second = loaded(tmp_path, None).warnings
    assert first == f"{path}: contains the secret, and other users can read it (chmod 600 {path})"
    assert second.startswith(f"{path}: users.bob.max-networks: 1 is too few for a phone")


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "users.toml").mkdir()
    assert loaded(tmp_path, None).problems == (f"{tmp_path}/users.toml: expected a file, got a directory",)


def test_where_there_may_be_no_users_a_default_host_is_needed(tmp_path: Path) -> None:
    config = 'bind-to = "127.0.0.1:1"\nusers-file = "users.toml"\n'
    assert loaded(tmp_path, None, config).problems == (
        "c: domain-fronting.default-host: missing; expected the site that visitors are shown while users-file has no "
        "users",
    )
    found = loaded(tmp_path, None, f'{config}domain-fronting.default-host = "Front.Example"\n')
    assert found.problems == ()
    assert found.config.domain_fronting.default_host == "front.example"
    assert found.first_secret is None
