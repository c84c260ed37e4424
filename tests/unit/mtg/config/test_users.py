"""Users in the configuration: all ways to write them, and a clear line for everything that can be wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import mtglib
from mtg.config import Loaded, config_from_table, load_config
from mtg.config.schema import UserSection
from mtg.config.values import QuotaSize

SECRETS = [mtglib.Secret(bytes([number]) * 16, f"{name}.example") for number, name in enumerate("abcd", start=1)]
A, B, C, D = (secret.hex() for secret in SECRETS)
BIND = 'bind-to = "127.0.0.1:1"\n'


def loaded(text: str, tmp_path: Path = Path("/nowhere")) -> Loaded:
    return config_from_table(tomllib.loads(text), source="c", directory=tmp_path)


def users(text: str) -> dict[str, UserSection]:
    found = loaded(text)
    assert found.problems == ()
    return {str(name): user for name, user in found.users.items()}


def problems(text: str) -> list[str]:
    return [line.removeprefix("c: ") for line in loaded(BIND + text).problems]


def warnings(text: str) -> list[str]:
    found = loaded(BIND + text)
    assert found.problems == ()
    return list(found.warnings)


def test_a_user_has_everything_that_its_table_says() -> None:
    (user,) = users(f"""
        {BIND}
        [users."joe.smith"]
        secret = "{A}"
        enabled = false
        expires = 2999-01-31
        quota = "50gb"
        quota-period = "month"
        max-connections = 32
        max-networks = 4
    """).values()
    assert user.secret == SECRETS[0]
    assert (user.enabled, user.quota, user.quota_period) == (False, 50 * 2**30, "month")
    assert str(user.expires) == "2999-01-31"
    assert (user.max_connections, user.max_networks) == (32, 4)


def test_the_secret_is_the_user_default() -> None:
    assert users(f'secret = "{A}"\n{BIND}') == {"default": UserSection(secret=SECRETS[0])}


def test_the_user_default_can_have_limits() -> None:
    found = users(f'secret = "{A}"\n{BIND}[users.default]\nmax-connections = 20\n')
    assert found == {"default": UserSection(secret=SECRETS[0], max_connections=20)}


def test_users_come_in_the_order_of_the_file_and_the_secret_first() -> None:
    text = f'{BIND}[users.x]\nsecret = "{B}"\n[users.w]\nsecret = "{C}"\n'
    assert list(users(text)) == ["x", "w"]
    assert list(users(f'secret = "{A}"\n{text}')) == ["default", "x", "w"]
    assert list(users(f'{text}[secrets]\nv = "{D}"\n')) == ["x", "w", "v"]
    assert list(users(f'{BIND}[secrets]\nv = "{D}"\n[users.x]\nsecret = "{B}"\n')) == ["v", "x"]


def test_secrets_of_mtg_multi_are_users_and_can_have_limits() -> None:
    found = users(f'{BIND}[secrets]\nalice = "{A}"\nbob = "{B}"\n[users.bob]\nquota = "1gb"\n')
    assert found == {
        "alice": UserSection(secret=SECRETS[0]),
        "bob": UserSection(secret=SECRETS[1], quota=QuotaSize(2**30)),
    }


@pytest.mark.parametrize(
    ("expires", "unix"),
    [
        ("1970-01-02", 86_400),
        ("1970-01-01T01:00:00", 3600),
        ("1970-01-01T01:00:00Z", 3600),
        ("1970-01-01 01:00:00+01:00", 0),
        ('"1970-01-02"', 86_400),
        ('"1970-01-01T01:00:00Z"', 3600),
    ],
)
def test_expiry_is_a_date_or_a_time_in_utc(expires: str, unix: float) -> None:
    assert users(f'{BIND}[users.a]\nsecret = "{A}"\nexpires = {expires}\n')["a"].expires == unix


def test_a_secret_can_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(A)
    (tmp_path / "key").chmod(0o644)
    found = loaded(f'{BIND}[users.a]\nsecret-file = "key"\n', tmp_path)
    assert found.problems == ()
    assert found.first_secret == SECRETS[0]
    assert found.warnings == (
        f"{tmp_path}/key: contains the secret, and other users can read it (chmod 600 {tmp_path}/key)",
    )


def test_a_configuration_with_users_secrets_is_private(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    for text in (f'[users.a]\nsecret = "{A}"\n', f'[secrets]\na = "{A}"\n'):
        path.write_text(BIND + text)
        path.chmod(0o644)
        assert load_config(path).warnings == (
            f"{path}: contains the secret, and other users can read it (chmod 600 {path})",
        )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            f'[users.a]\nsecret = "{A}"\n[users.b]\nsecret = "{A}"\n',
            "users.b.secret: expected a key that no other user has, got that of a",
        ),
        (
            f'secret = "{A}"\n[users.b]\nsecret = "{A}"\n',
            "users.b.secret: expected a key that no other user has, got that of default",
        ),
        (
            f'[users."joe smith"]\nsecret = "{A}"\n',
            'users."joe smith": expected a name of 1 to 64 letters, digits, dots, underscores and hyphens, '
            'got "joe smith"',
        ),
        (
            f'[secrets]\n"joe smith" = "{A}"\n',
            'secrets."joe smith": expected a name of 1 to 64 letters, digits, dots, underscores and hyphens, '
            'got "joe smith"',
        ),
        ("[users.a]\n", "users.a.secret: missing; `mtg generate-secret HOST` makes one"),
        ('[users.a]\nsecret-file = ""\n', "users.a.secret: missing; `mtg generate-secret HOST` makes one"),
        ('[users.a]\nsecret = ""\n', "users.a.secret: expected hex or base64, got nothing"),
        ('[users.a]\nsecret-file = "key"\n', 'users.a.secret-file: "key": No such file or directory'),
        (
            f'[users.a]\nsecret = "{A}"\nsecret-file = "key"\n',
            "users.a.secret-file: expected only one of secret and secret-file, got both",
        ),
        (
            f'[secrets]\na = "{A}"\n[users.a]\nsecret = "{B}"\n',
            "users.a.secret: expected one secret, got another one in [secrets]",
        ),
        (
            f'secret = "{A}"\n[users.default]\nsecret = "{B}"\n',
            "users.default.secret: expected one secret, got another one at the top of the file",
        ),
        (
            f'[users.a]\nsecret = "{A}"\nexpires = 12:00:00\n',
            "users.a.expires: expected a date such as 2027-01-31, or a date and time such as 2027-01-31T18:00:00Z, "
            "from 1970 on, got 12:00:00",
        ),
        (
            f'[users.a]\nsecret = "{A}"\nexpires = 1969-12-31\n',
            "users.a.expires: expected a date such as 2027-01-31, or a date and time such as 2027-01-31T18:00:00Z, "
            "from 1970 on, got 1969-12-31",
        ),
        *(
            (
                f'[users.a]\nsecret = "{A}"\nquota = {quota}\n',
                'users.a.quota: expected a size above 0, up to 1048576tib, such as "10gb" (without a quota: no such '
                f"key), got {quota}",
            )
            for quota in ('"0"', "0", '"0gb"', '"2097152tib"', '"much"')
        ),
        (
            f'[users.a]\nsecret = "{A}"\nquota-period = "week"\n',
            'users.a.quota-period: expected one of total, day, month, got "week"',
        ),
        (
            f'[users.a]\nsecret = "{A}"\nmax-connections = 0\n',
            "users.a.max-connections: expected a whole number from 1 to 1000000000, got 0",
        ),
        (f'[users.a]\nsecret = "{A}"\nname = "x"\n', "users.a.name: unknown key"),
        (f'users = "{A}"\n', 'users: expected a table, got "***"'),
        ("[[users]]\nname = 'a'\n", "users: expected a table, got a list"),
        ("throttle = 5\n", "throttle: expected a table, got 5"),
        (f'secret = "{A}"\nusers-file = "a\\u0000b"\n', 'users-file: expected a file name, got "a\\u0000b"'),
    ],
)
def test_what_is_wrong_with_a_user_is_one_line(text: str, line: str) -> None:
    assert line in problems(text)
    assert len(problems(text)) == 1 or "missing" in problems(text)[-1]


MOVE = "write it above the first [table] of the file"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            f'[secrets]\na = "{A}"\nbind-to = "127.0.0.1:1"\n',
            f"secrets.bind-to: a global key, which ended up in the table [secrets]: {MOVE}",
        ),
        (
            f'[secrets]\na = "{A}"\nconcurrency = 5\nbind-to = "127.0.0.1:1"\n',
            f"secrets.concurrency: a global key, which ended up in the table [secrets]: {MOVE}",
        ),
        (
            f'[users.a]\nsecret = "{A}"\nbind-to = "127.0.0.1:1"\n',
            f"users.a.bind-to: a global key, which ended up in the table [users.a]: {MOVE}",
        ),
        (
            f'[users."a.b"]\nsecret = "{A}"\nbind-to = "127.0.0.1:1"\n',
            f'users."a.b".bind-to: a global key, which ended up in the table [users."a.b"]: {MOVE}',
        ),
        (
            f'[secrets]\na = "{A}"\nbind-to = "127.0.0.1:1"\ndomain-fronting.port = 8443\n',
            f"secrets.domain-fronting: a global key, which ended up in the table [secrets]: {MOVE}",
        ),
    ],
)
def test_a_global_key_below_a_heading_is_told_where_it_ended_up(text: str, line: str) -> None:
    found = loaded(text)
    assert f"c: {line}" in found.problems
    assert all("ended up" in problem for problem in found.problems), "and nothing follows from that"


def test_a_user_may_be_called_like_a_global_key() -> None:
    assert list(users(f'{BIND}[secrets]\nsecret = "{A}"\ndebug = "{B}"\n')) == ["secret", "debug"]


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        ("expires = 2020-01-31", "users.a.expires: 2020-01-31 is in the past, so this user can't connect"),
        (
            "expires = 2020-01-31T10:00:00+01:00",
            "users.a.expires: 2020-01-31T09:00:00Z is in the past, so this user can't connect",
        ),
        (
            "max-connections = 15",
            "users.a.max-connections: 15 is too few for a phone, which opens many at once (at least 16 is better)",
        ),
        (
            "max-networks = 2",
            "users.a.max-networks: 2 is too few for a phone, which has IPv4 and IPv6 and leaves its Wi-Fi at times "
            "(at least 3 is better)",
        ),
        ('quota-period = "day"', "users.a.quota-period: has no effect without quota"),
    ],
)
def test_what_is_probably_a_mistake_is_a_warning(line: str, warning: str) -> None:
    assert warnings(f'[users.a]\nsecret = "{A}"\n{line}\n') == [warning]


def test_what_is_enough_for_a_phone_is_no_warning() -> None:
    text = 'max-connections = 16\nmax-networks = 3\nexpires = 2999-01-01\nquota = "1b"\nquota-period = "day"\n'
    assert warnings(f'[users.a]\nsecret = "{A}"\n{text}') == []


def test_a_secret_beside_secrets_has_no_effect_as_in_mtg_multi() -> None:
    text = f'secret = "{A}"\n{BIND}[secrets]\na = "{A}"\nb = "{B}"\n'
    assert list(users(text)) == ["a", "b"]
    assert loaded(text).warnings == ("secret: has no effect beside [secrets]; move it there, or delete it",)


@pytest.mark.parametrize("text", ["", "[users]\n", "[secrets]\n", 'users-file = ""\n'])
def test_without_any_user_the_secret_is_missing(text: str) -> None:
    assert problems(text) == ["secret: missing; `mtg generate-secret HOST` makes one"]


def test_the_throttle_is_mtg_multis() -> None:
    throttle = loaded(f'secret = "{A}"\n{BIND}[throttle]\nmax-connections = 5000\ncheck-interval = "1s"\n')
    assert throttle.config.throttle.max_connections == 5000
    assert float(throttle.config.throttle.check_interval) == 1
    assert loaded(f'secret = "{A}"\n{BIND}').config.throttle.max_connections == 0


def test_a_throttle_above_all_connections_is_told() -> None:
    assert warnings(f'concurrency = 9\nsecret = "{A}"\n[throttle]\nmax-connections = 10\n') == [
        "throttle.max-connections: has no effect above concurrency (9)"
    ]


def test_only_users_make_more_than_the_secret() -> None:
    assert loaded(f'secret = "{A}"\n{BIND}').has_only_the_secret
    assert not loaded(f'secret = "{A}"\n{BIND}[users.default]\nquota = "1gb"\n').has_only_the_secret
    assert not loaded(f'{BIND}[secrets]\na = "{A}"\n').has_only_the_secret
    assert not loaded(f'secret = "{A}"\n{BIND}users-file = "u.toml"\n').has_only_the_secret


@pytest.mark.parametrize("text", [f'secret = "{A}"\n', f'[secrets]\na = "{A}"\n', f'[users.a]\nsecret = "{A}"\n'])
def test_no_repr_has_a_secret_in_it(text: str) -> None:
    found: Any = loaded(BIND + text)
    assert found.problems == ()
    for shown in (repr(found), str(found), repr(found.users), repr(found.config)):
        assert SECRETS[0].key.hex() not in shown
        assert repr(SECRETS[0].key) not in shown
