"""The users-file: any changes, by the program and by hand, and every way in which it can't be changed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mtglib
from mtg.config.schema import UserSection
from mtg.config.values import UserName
from mtg.user_error import UserError
from mtg.users_file import NoSuchUserError, UserRefusedError, UsersFile, UsersFileError, UserTakenError, file
from mtg.users_file.writing import write_whole
from mtglib.users import User, UserLimits

A, B, C = (mtglib.Secret(bytes([number]) * 16, f"{name}.example") for number, name in enumerate("abc", start=1))
OTHERS = {UserName("default"): UserSection(secret=A)}
HOST = "front.example"


def file_at(path: Path) -> UsersFile:
    return UsersFile(path, OTHERS, "mtg.toml")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users.toml"


def by_name(users: tuple[User, ...]) -> dict[str, User]:
    return {user.name: user for user in users}


def test_a_file_is_made_by_the_first_change(path: Path) -> None:
    (user,) = file_at(path).add("bob", {"quota": "1gb", "expires": "2999-01-31"}, HOST)
    assert user.secret.host == HOST
    assert user.limits == UserLimits(quota_bytes=2**30, expires_unix=32_474_736_000.0)
    assert path.stat().st_mode & 0o777 == 0o600
    assert f'[users.bob]\nsecret = "{user.secret.hex()}"\nquota = "1gb"\nexpires = 2999-01-31\n' == path.read_text()
    assert file_at(path).load() == (user,)


def test_a_user_is_changed_rotated_and_removed(path: Path) -> None:
    users_file = file_at(path)
    users_file.add("bob", {"secret": B.hex()}, HOST)
    users_file.add("cid", {"secret": C.hex()}, HOST)
    changed = by_name(users_file.change("bob", {"enabled": False, "max-networks": 4}))
    assert changed["bob"] == User("bob", B, UserLimits(is_enabled=False, max_networks=4))
    changed = by_name(users_file.change("bob", {"enabled": True, "max-networks": None}))
    assert changed["bob"] == User("bob", B)
    rotated = by_name(users_file.rotate("bob"))["bob"].secret
    assert rotated.host == B.host
    assert rotated.key != B.key
    assert by_name(users_file.rotate("bob", "new.example"))["bob"].secret.host == "new.example"
    assert [user.name for user in users_file.remove("bob")] == ["cid"]
    assert users_file.load() == (User("cid", C),)


def test_what_was_changed_by_hand_is_there_with_the_next_change(path: Path) -> None:
    users_file = file_at(path)
    users_file.add("bob", {"secret": B.hex()}, HOST)
    path.write_text(f'# by hand\n[users.cid]\nsecret = "{C.hex()}"\n')
    assert [user.name for user in users_file.add("dan", {}, HOST)] == ["cid", "dan"]
    assert path.read_text().startswith("# by hand\n")
    with pytest.raises(NoSuchUserError):
        users_file.change("bob", {"enabled": False})


def test_what_is_changed_by_hand_in_that_very_moment_is_not_lost(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand = [f'[users.cid]\nsecret = "{C.hex()}"\n']

    def late(path: Path, data: bytes, expected: Any) -> None:
        if by_hand:
            path.write_text(by_hand.pop())
        write_whole(path, data, expected)

    monkeypatch.setattr(file, "write_whole", late)
    assert [user.name for user in file_at(path).add("bob", {}, HOST)] == ["cid", "bob"]


def test_a_file_that_changes_all_the_time_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(path: Path, data: bytes, expected: Any) -> None:
        path.write_text(path.read_text() + "#" if path.exists() else "#")
        write_whole(path, data, expected)

    monkeypatch.setattr(file, "write_whole", late)
    with pytest.raises(UsersFileError, match="is being changed all the time"):
        file_at(path).add("bob", {}, HOST)


def test_a_secret_in_a_file_of_its_own_is_replaced(path: Path) -> None:
    (path.parent / "key").write_text(B.hex())
    path.write_text('[users.bob]\nsecret-file = "key"\n')
    assert file_at(path).load() == (User("bob", B),)
    (user,) = file_at(path).rotate("bob")
    assert user.secret.host == B.host
    assert "secret-file" not in path.read_text()


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"quota": "0"}, "quota: expected a size above 0"),
        ({"quota": 0}, "quota: expected a size above 0"),
        ({"expires": "soon"}, "expires: expected a date such as 2027-01-31"),
        ({"secret": "zz"}, "secret: expected "),
        ({"secret": 5}, "secret: expected a string"),
        ({"secret": A.hex()}, "users.bob.secret: expected a key that no other user has, got that of default"),
        ({"secret": C.hex()}, "users.bob.secret: expected a key that no other user has, got that of cid"),
        ({"enabled": "yes"}, 'enabled: expected true or false, got "yes"'),
        ({"max-networks": 0}, "max-networks: expected a whole number from 1"),
        ({"colour": "red"}, "colour: unknown key"),
        ({"secret-file": "/etc/shadow"}, "secret-file: expected secret instead"),
    ],
)
def test_values_that_are_invalid_change_nothing(path: Path, values: dict[str, Any], line: str) -> None:
    path.write_text(f'[users.cid]\nsecret = "{C.hex()}"\n')
    before = path.read_bytes()
    with pytest.raises(UserRefusedError) as raised:
        file_at(path).add("bob", values, HOST)
    assert raised.value.lines[0].startswith(line)
    assert (path.read_bytes(), os.listdir(path.parent)) == (before, ["users.toml"])


@pytest.mark.parametrize("name", ["joe smith", "", "x" * 65, "a\nb", "ä", "a/b"])
def test_names_that_are_invalid_change_nothing(path: Path, name: str) -> None:
    with pytest.raises(UserRefusedError, match="name: expected a name of 1 to 64 letters"):
        file_at(path).add(name, {}, HOST)
    assert not path.exists()


@pytest.mark.parametrize(
    ("change", "error", "line"),
    [
        (lambda f: f.add("bob", {}, HOST), UserTakenError, "bob: there is a user of this name"),
        (
            lambda f: f.add("default", {}, HOST),
            UserTakenError,
            "default: is a user of mtg.toml, and can only be changed there",
        ),
        (
            lambda f: f.change("default", {"enabled": False}),
            UserTakenError,
            "default: is a user of mtg.toml, and can only be changed there",
        ),
        (
            lambda f: f.rotate("default"),
            UserTakenError,
            "default: is a user of mtg.toml, and can only be changed there",
        ),
        (
            lambda f: f.remove("default"),
            UserTakenError,
            "default: is a user of mtg.toml, and can only be changed there",
        ),
        (lambda f: f.change("cid", {}), NoSuchUserError, "cid: there is no user of this name"),
        (lambda f: f.rotate("cid"), NoSuchUserError, "cid: there is no user of this name"),
        (lambda f: f.remove("cid"), NoSuchUserError, "cid: there is no user of this name"),
        (lambda f: f.change("bob", {"secret": None}), UserRefusedError, "secret: expected a secret"),
        (lambda f: f.rotate("bob", "no host"), UserRefusedError, "host: expected a host name such as"),
        (lambda f: f.add("cid", {}, "https://x"), UserRefusedError, "host: expected a host name such as"),
    ],
)
def test_what_is_not_possible_changes_nothing(
    path: Path, change: Callable[[UsersFile], object], error: type[UserError], line: str
) -> None:
    path.write_text(f'[users.bob]\nsecret = "{B.hex()}"\n')
    before = path.read_bytes()
    with pytest.raises(error) as raised:
        change(file_at(path))
    assert raised.value.lines[0].startswith(line)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("[users.bob\n", ":1: expected a closing bracket after the table's name"),
        ("[users.bob]\n", ": users.bob.secret: missing"),
        (f'[users.bob]\nsecret = "{A.hex()}"\n', ": users.bob.secret: expected a key that no other user has"),
        (f'users = {{ bob = {{ secret = "{B.hex()}" }} }}\n', ": expected a table [users.NAME] for each user"),
        ("\xff", ":1: expected UTF-8"),
    ],
)
def test_a_broken_file_is_left_as_it_is(path: Path, content: str, line: str) -> None:
    path.write_bytes(content.encode("latin-1"))
    before = path.read_bytes()
    with pytest.raises(UsersFileError) as raised:
        file_at(path).add("cid", {}, HOST)
    assert raised.value.lines[0].startswith(f"{path}{line}")
    assert path.read_bytes() == before


def test_a_read_only_file_is_told(path: Path) -> None:
    path.write_text("")
    path.chmod(0o444)
    with pytest.raises(UsersFileError) as raised:
        file_at(path).add("bob", {}, HOST)
    assert raised.value.lines == (f"{path}: can't be written: is read-only",)


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsersFileError) as raised:
        file_at(tmp_path / "missing" / "users.toml").add("bob", {}, HOST)
    assert raised.value.lines == (f"{tmp_path}/missing/users.toml: can't be written: No such file or directory",)


@pytest.mark.parametrize("values", [{"secret": B.hex() + "0"}, {"quota": B.hex()}, {B.hex(): 1}])
def test_no_error_has_a_secret_in_it(path: Path, values: dict[str, Any]) -> None:
    with pytest.raises(UserError) as raised:
        file_at(path).add("bob", values, HOST)
    assert B.key.hex() not in str(raised.value)


_names = st.sampled_from(["bob", "c.d", "E"])
_limits = st.fixed_dictionaries(
    {},
    optional={
        "quota": st.sampled_from(["1gb", "5MB"]),
        "enabled": st.booleans(),
        "max-networks": st.integers(1, 9),
        "expires": st.sampled_from(["2999-01-01", "2999-01-01T00:00:00+02:00"]),
    },
)
_some = st.tuples(st.sampled_from(["quota", "enabled", "max-networks", "expires"]), st.none())
_changes = st.lists(
    st.tuples(st.sampled_from(["add", "change"]), _names, _limits)
    | st.tuples(st.just("change"), _names, st.dictionaries(st.just("quota"), st.none()))
    | st.tuples(st.sampled_from(["remove", "rotate", "hand"]), _names, st.just({})),
    max_size=10,
)


def _limits_of(values: dict[str, Any]) -> UserLimits:
    moments = {"2999-01-01": 32_472_144_000.0, "2999-01-01T00:00:00+02:00": 32_472_136_800.0}
    return UserLimits(
        is_enabled=values.get("enabled", True),
        expires_unix=moments.get(values.get("expires", "")),
        quota_bytes={"1gb": 2**30, "5MB": 5 * 2**20}.get(values.get("quota", "")),
        max_networks=values.get("max-networks"),
    )


@settings(deadline=None)
@given(_changes)
def test_any_changes_are_those_of_a_dictionary(changes: list[tuple[str, str, dict[str, Any]]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "users.toml"
        users_file, model, keys = file_at(path), dict[str, dict[str, Any]](), set[bytes]()
        for what, name, values in changes:
            try:
                match what:
                    case "add":
                        found = users_file.add(name, values, HOST)
                        model[name] = values
                    case "change":
                        found = users_file.change(name, values)
                        model[name] = {key: one for key, one in {**model[name], **values}.items() if one is not None}
                    case "remove":
                        found = users_file.remove(name)
                        del model[name]
                    case "rotate":
                        found = users_file.rotate(name)
                    case _:
                        path.write_text((path.read_text() if path.exists() else "") + "# by hand\n")
                        found = users_file.load()
            except UserTakenError:
                assert what == "add"
                assert name in model
                continue
            except NoSuchUserError:
                assert what != "add"
                assert name not in model
                continue
            assert {user.name: user.limits for user in found} == {name: _limits_of(one) for name, one in model.items()}
            assert found == users_file.load()
            keys |= {user.secret.key for user in found}
        assert len(keys) <= len(changes)
