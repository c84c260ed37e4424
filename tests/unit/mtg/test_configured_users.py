"""From tables of the configuration to the library's users."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import mtglib
from mtg.build import Parts, build_parts, check
from mtg.config import config_from_table
from mtg.user_error import UserError
from mtglib.noop import NoopLogger
from mtglib.users import UserLimits

A, B = (mtglib.Secret(bytes([number]) * 16, f"{name}.example") for number, name in ((1, "a"), (2, "b")))
BIND = 'bind-to = "127.0.0.1:1"\nnetwork.dns = ""\n'


def parts(text: str, directory: Path = Path("/nowhere")) -> Parts:
    return build_parts(
        config_from_table(tomllib.loads(BIND + text), source="c", directory=directory), logger=NoopLogger()
    )


def test_every_limit_arrives() -> None:
    (user,) = parts(f"""
        [users.ann]
        secret = "{A.hex()}"
        enabled = false
        expires = 1970-01-02
        quota = "1kb"
        quota-period = "day"
        max-connections = 16
        max-networks = 3
    """).users
    assert (user.name, user.secret) == ("ann", A)
    assert user.limits == UserLimits(
        is_enabled=False,
        expires_unix=86_400,
        quota_bytes=1024,
        quota_period="day",
        max_connections=16,
        max_networks=3,
    )


def test_a_user_without_limits_has_none() -> None:
    (user,) = parts(f'secret = "{A.hex()}"\n').users
    assert (user.name, user.limits) == ("default", UserLimits())


def test_all_bounds_of_the_configuration_are_those_of_the_library() -> None:
    (user,) = parts(f"""
        [users.{"x" * 64}]
        secret = "{A.hex()}"
        expires = 9999-12-31T23:59:59Z
        quota = "1048576tib"
        max-connections = 1000000000
        max-networks = 1000000000
    """).users
    assert user.limits.quota_bytes == 2**60


def test_users_of_the_file_come_last(tmp_path: Path) -> None:
    (tmp_path / "u.toml").write_text(f'[users.bob]\nsecret = "{B.hex()}"\n')
    built = parts(f'users-file = "u.toml"\nsecret = "{A.hex()}"\n', tmp_path)
    assert [user.name for user in built.users] == ["default", "bob"]


def test_a_file_without_users_is_enough(tmp_path: Path) -> None:
    built = parts('users-file = "u.toml"\ndomain-fronting.default-host = "front.example"\n', tmp_path)
    assert len(built.users) == 0


def test_two_users_with_one_key_are_the_operators_fault_and_not_a_traceback() -> None:
    with pytest.raises(UserError) as raised:
        parts(f'[secrets]\nann = "{A.hex()}"\nbob = "{A.hex()}"\n')
    assert raised.value.lines == ("c: users.bob.secret: expected a key that no other user has, got that of ann",)


def test_usage_is_kept_where_there_are_users(tmp_path: Path) -> None:
    state = f'state-directory = "{tmp_path}"\n'
    assert parts(f'{state}secret = "{A.hex()}"\n').usage is None
    assert parts(f'{state}[secrets]\na = "{A.hex()}"\n').usage is not None
    assert parts(f'{state}secret = "{A.hex()}"\n[users.default]\nquota = "1gb"\n').usage is not None
    assert list(tmp_path.iterdir()) == [], "building opens no files"


def test_without_a_place_for_usage_there_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError))
    built = parts(f'[secrets]\na = "{A.hex()}"\n')
    assert built.usage is None
    assert any("usage" in warning for warning in built.warnings)


def test_a_check_is_enough_to_see_what_is_wrong() -> None:
    with pytest.raises(UserError):
        check(config_from_table(tomllib.loads(f"{BIND}[users.a]\n"), source="c"))


def test_only_the_secret_makes_a_user_as_well() -> None:
    options = parts(f'secret = "{A.hex()}"\n').options
    assert options.users is not None
    assert [(user.name, user.secret) for user in options.users] == [("default", A)]


def test_sites_arrive() -> None:
    options = parts(f"""
        [domain-fronting]
        port = 8443
        default-host = "b.example"
        [domain-fronting.hosts."A.example"]
        ip = "192.0.2.1"
        proxy-protocol = true
        [domain-fronting.hosts."b.example"]
        host = "elsewhere.example"
        port = 443
        [secrets]
        ann = "{A.hex()}"
        bob = "{B.hex()}"
    """).options
    assert options.domain_fronting_default_host == "b.example"
    assert options.front_address("a.example") == mtglib.FrontAddress(ip="192.0.2.1", port=8443, proxy_protocol=True)
    assert options.front_address("b.example") == mtglib.FrontAddress(host="elsewhere.example", port=443)


def test_a_site_that_the_library_refuses_is_a_line_with_its_key() -> None:
    with pytest.raises(UserError) as raised:
        parts(f'[domain-fronting.hosts."a.example"]\nhost = "https://x"\n[secrets]\nann = "{A.hex()}"\n')
    (line,) = raised.value.lines
    assert line.startswith('c: domain-fronting.hosts."a.example".host: expected a host name')
    assert line.endswith('got "https://x"')
