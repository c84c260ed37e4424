"""Changes of a running proxy's users: on the disk and in the proxy, or neither."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import pytest

import mtglib
from mtg.config import Loaded, config_from_table
from mtg.configured_users import users_of
from mtg.users_file import UserChanges, UserRefusedError, UsersFile, UsersFileError
from mtglib.users import Users

A, B = (mtglib.Secret(bytes([number]) * 16, f"{name}.example") for number, name in ((1, "a"), (2, "b")))


def loaded(directory: Path, text: str = f'secret = "{A.hex()}"\nusers-file = "u.toml"\n') -> Loaded:
    found = config_from_table(tomllib.loads(f'bind-to = "127.0.0.1:1"\n{text}'), source="c", directory=directory)
    assert found.problems == ()
    return found


def made(directory: Path) -> tuple[UserChanges, Users]:
    found = loaded(directory)
    users = users_of(found)
    return UserChanges(lambda: (found, users), asyncio.Lock()), users


async def test_a_change_is_in_the_proxy_and_on_the_disk(tmp_path: Path) -> None:
    changes, users = made(tmp_path)
    bob = await changes.add("bob", {"quota": "1gb"})
    assert bob.secret.host == A.host, "the site of most visitors"
    assert [user.name for user in users] == ["default", "bob"]
    changed = await changes.change("bob", {"enabled": False})
    assert users.get("bob") == changed
    rotated = await changes.rotate("bob", "other.example")
    assert users.get("bob") == rotated
    assert list(users_of(loaded(tmp_path))) == list(users)
    await changes.remove("bob")
    assert [user.name for user in users] == ["default"]
    assert len(users_of(loaded(tmp_path))) == 1


async def test_usage_stays_with_a_user_who_is_changed(tmp_path: Path) -> None:
    changes, users = made(tmp_path)
    await changes.add("bob", {})
    users.accounts[1].usage.count_bytes(5, 0, 1.0)
    await changes.rotate("bob")
    usage = users.usage("bob", 1.0)
    assert usage is not None
    assert usage.from_client_bytes == 5


async def test_what_was_written_by_hand_is_taken_over(tmp_path: Path) -> None:
    changes, users = made(tmp_path)
    (tmp_path / "u.toml").write_text(f'[users.bob]\nsecret = "{B.hex()}"\n')
    await changes.load()
    assert [user.name for user in users] == ["default", "bob"]


async def test_changes_at_once_come_one_after_the_other(tmp_path: Path) -> None:
    changes, users = made(tmp_path)
    await asyncio.gather(*(changes.add(f"user{number}", {}) for number in range(20)))
    assert {user.name for user in users} == {"default", *(f"user{number}" for number in range(20))}
    assert list(users_of(loaded(tmp_path))) == list(users)


async def test_a_change_whose_caller_leaves_is_seen_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes, users = made(tmp_path)
    begun, add = asyncio.Event(), UsersFile.add
    loop = asyncio.get_running_loop()

    def slow(self: UsersFile, *arguments: object) -> object:
        loop.call_soon_threadsafe(begun.set)
        return add(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(UsersFile, "add", slow)
    adding = asyncio.create_task(changes.add("bob", {}))
    await begun.wait()
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding
    await changes.load()  # waits for its turn
    assert list(users_of(loaded(tmp_path))) == list(users)
    assert len(users) == 2


async def test_without_a_users_file_nothing_can_be_changed(tmp_path: Path) -> None:
    found = loaded(tmp_path, f'secret = "{A.hex()}"\n')
    changes = UserChanges(lambda: (found, users_of(found)), asyncio.Lock())
    with pytest.raises(UsersFileError, match="c: users-file: not set"):
        await changes.add("bob", {})


async def test_what_is_refused_changes_neither(tmp_path: Path) -> None:
    changes, users = made(tmp_path)
    with pytest.raises(UserRefusedError):
        await changes.add("bob", {"secret": A.hex()})
    assert len(users) == 1
    assert not (tmp_path / "u.toml").exists()


async def test_a_change_that_waited_knows_the_configuration_of_its_turn(tmp_path: Path) -> None:
    found = loaded(tmp_path, f'secret = "{A.hex()}"\nusers-file = "u.toml"\n[users.cid]\nsecret = "{B.hex()}"\n')
    users, turn = users_of(found), asyncio.Lock()
    changes = UserChanges(lambda: (found, users), turn)
    async with turn:
        adding = asyncio.create_task(changes.add("bob", {}))
        await asyncio.sleep(0)
        found = loaded(tmp_path)
        users.set(users_of(found))
    await adding
    assert [user.name for user in users] == ["default", "bob"]
