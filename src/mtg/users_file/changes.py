"""Changes the users of a running proxy, and keeps the changes in its users-file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeAlias

import mtglib
from mtg.config import Loaded
from mtg.config.file_users import check_still_there
from mtg.configured_users import configured_users
from mtg.user_error import UserError
from mtg.users_file.errors import UserRefusedError, UsersFileError
from mtg.users_file.file import UsersFile

_Change: TypeAlias = Callable[[UsersFile, Loaded], tuple[mtglib.User, ...]]


class UserChanges:
    """The users of a configuration that can be changed while the proxy runs: those of its users-file.

    All methods raise the errors of `UsersFile`'s, and then nothing has changed. If they return, the change is on the
    disk and holds for the next connection, and so does everything that was changed in the file by hand.

    Args:
        current: Returns the configuration and the proxy's users, both as they are now.
        turn: Held during a change, and by everything else that changes these two.
    """

    def __init__(self, current: Callable[[], tuple[Loaded, mtglib.Users]], turn: asyncio.Lock) -> None:
        self._current = current
        self._turn = turn

    async def add(self, name: str, values: Mapping[str, object], host: str | None = None) -> mtglib.User:
        """Add a user; without a secret in `values`, a new one for `host`, or else for the site of most visitors."""
        return await self._change(name, lambda file, loaded: file.add(name, values, host or _host(loaded)))

    async def change(self, name: str, values: Mapping[str, object]) -> mtglib.User:
        """Change some values of a user; None takes a key away."""
        return await self._change(name, lambda file, _: file.change(name, values))

    async def rotate(self, name: str, host: str | None = None) -> mtglib.User:
        """Give a user a new key. Connections that were made with the old one go on."""
        return await self._change(name, lambda file, _: file.rotate(name, host))

    async def remove(self, name: str) -> None:
        """Remove a user. The connections end within 5 s."""
        await self._apply(lambda file, _: file.remove(name))

    async def load(self) -> None:
        """Take over what was changed in the file by hand."""
        await self._apply(lambda file, _: file.load())

    async def _change(self, name: str, change: _Change) -> mtglib.User:
        return next(user for user in await self._apply(change) if user.name == name)

    async def _apply(self, change: _Change) -> tuple[mtglib.User, ...]:
        # A change that has begun is seen through: the disk and the proxy must not differ.
        return await asyncio.shield(asyncio.ensure_future(self._apply_whole(change)))

    async def _apply_whole(self, change: _Change) -> tuple[mtglib.User, ...]:
        async with self._turn:
            loaded, users = self._current()  # only now: the configuration may have been read again meanwhile
            in_file = await asyncio.to_thread(change, _users_file(loaded, users), loaded)
            users.set((*configured_users(loaded.config.users), *in_file))
            return in_file


def _users_file(loaded: Loaded, users: mtglib.Users) -> UsersFile:
    if loaded.users_file is None:
        raise UsersFileError(
            f"{loaded.source}: users-file: not set, so users can only be changed in this file (then `mtg reload`)"
        )
    try:
        check_still_there(loaded.users_file, [user.name for user in users], loaded.config.users)
    except UserError as error:
        raise UsersFileError(error.lines) from None
    return UsersFile(loaded.users_file, loaded.config.users, loaded.source)


def _host(loaded: Loaded) -> str:
    """Return the site of most visitors."""
    host = loaded.config.domain_fronting.default_host or (loaded.first_secret and loaded.first_secret.host)
    if not host:
        raise UserRefusedError("host: missing; expected the host of the new secret")
    return host
