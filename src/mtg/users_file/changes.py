"""Changes the users of a running proxy, and keeps the changes in its users-file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

import mtglib
from mtg.config import Loaded
from mtg.configured_users import configured_users
from mtg.users_file.errors import UserRefusedError, UsersFileError
from mtg.users_file.file import UsersFile


class UserChanges:
    """The users of a configuration that can be changed while the proxy runs: those of its users-file.

    All methods raise the errors of `UsersFile`'s, and then nothing has changed. If they return, the change is on the
    disk and holds for the next connection, and so does everything that was changed in the file by hand.

    Args:
        loaded: The configuration.
        users: The running proxy's users.
    """

    def __init__(self, loaded: Loaded, users: mtglib.Users) -> None:
        self._users = users
        self._own = configured_users(loaded.config.users)
        self._host = loaded.config.domain_fronting.default_host or (
            loaded.first_secret.host if loaded.first_secret else None
        )
        self._source = loaded.source
        self._file = (
            None if loaded.users_file is None else UsersFile(loaded.users_file, loaded.config.users, loaded.source)
        )
        self._turn = asyncio.Lock()

    async def add(self, name: str, values: Mapping[str, object], host: str | None = None) -> mtglib.User:
        """Add a user; without a secret in `values`, a new one for `host`, or else for the site of most visitors."""
        host = host or self._host
        if host is None:
            raise UserRefusedError("host: missing; expected the host of the new secret")
        return await self._change(name, lambda file: file.add(name, values, host))

    async def change(self, name: str, values: Mapping[str, object]) -> mtglib.User:
        """Change some values of a user; None takes a key away."""
        return await self._change(name, lambda file: file.change(name, values))

    async def rotate(self, name: str, host: str | None = None) -> mtglib.User:
        """Give a user a new key. Connections that were made with the old one go on."""
        return await self._change(name, lambda file: file.rotate(name, host))

    async def remove(self, name: str) -> None:
        """Remove a user. The connections end within 5 s."""
        await self._apply(lambda file: file.remove(name))

    async def load(self) -> None:
        """Take over what was changed in the file by hand."""
        await self._apply(lambda file: file.load())

    async def _change(self, name: str, change: Callable[[UsersFile], tuple[mtglib.User, ...]]) -> mtglib.User:
        return next(user for user in await self._apply(change) if user.name == name)

    async def _apply(self, change: Callable[[UsersFile], tuple[mtglib.User, ...]]) -> tuple[mtglib.User, ...]:
        if self._file is None:
            raise UsersFileError(f"{self._source}: users-file: not set, so users can only be changed in this file")
        # A change that has begun is seen through: the disk and the proxy must not differ.
        return await asyncio.shield(asyncio.ensure_future(self._apply_whole(partial(change, self._file))))

    async def _apply_whole(self, change: Callable[[], tuple[mtglib.User, ...]]) -> tuple[mtglib.User, ...]:
        async with self._turn:
            in_file = await asyncio.to_thread(change)
            self._users.set((*self._own, *in_file))
            return in_file
