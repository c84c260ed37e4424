"""Finds the user whose key a hello was made with.

Every key that is tried costs an HMAC of the whole hello, about a microsecond. Up to sixteen are tried at once. Of more
users, only those of the site that the hello asks for come into question, and a thread tries their keys, one hello at a
time, networks by turns: a flood of strangers holds up neither the event loop, nor clients who come from where they came
from before, nor those of other networks. A hello that is longer than any client's isn't worth that: its visitor would
wait for the site longer the longer the hello is, and only if the hello asks for a site of ours.

A replay, and a user who may not come in, must wait for the site as long as a stranger. So a thread tries all keys, even
if one of the first is right, and whose hello was right at once but isn't let in waits for a thread after all.
"""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

from .fair_turns import FairTurns
from .ground.daemon_threads import DaemonThreads
from .secret import Secret
from .users.account import Account
from .users.candidates import MOST_AT_ONCE, Candidates, Keys
from .wire import client_hello

_MOST_SEARCHED_BYTES: Final = 4096
"""More than twice a client's hello: those of 2026 have 517 to 1755 bytes."""

_THREADS = DaemonThreads(1, "mtg-keys")


class Found(NamedTuple):
    """Whose hello it is.

    Attributes:
        account: The user's.
        secret: The secret that it was made with.
        unix_time: What the client's clock showed, whole Unix seconds; a replay may say anything.
    """

    account: Account
    secret: Secret
    unix_time: int


class KeySearch:
    """Tries the keys of users.

    Args:
        candidates: Says which.

    Attributes:
        candidates: As given.
    """

    def __init__(self, candidates: Candidates) -> None:
        self.candidates = candidates
        self._turns = FairTurns()

    async def find(self, record: bytes, network: int | None) -> Found | None:
        """Find the user whose key a joined record was made with; None if it is nobody's.

        Args:
            record: As from `client_hello.assemble`.
            network: Where it comes from; its last user's key is tried first.

        Raises:
            ClientError: NOT_TLS: the record ends within its random.
        """
        candidates = self.candidates
        if candidates.are_few:
            return _try(record, candidates.all)
        last = candidates.last_of(network)
        found = None if last is None else _try(record, Keys.of((last,)))
        return found or await self._try_host(record, network)

    def let_in(self, account: Account, network: int | None) -> None:
        """Remember a user who was let in; the key is the first that is tried for the next hello from that network."""
        self.candidates.matched(account, network)

    async def turned_away(self, record: bytes, network: int | None) -> None:
        """Take as long as for a stranger's hello: this one has a right key, but it isn't let in."""
        if self.candidates.are_few:
            return
        last = self.candidates.last_of(network)
        if last is not None and _try(record, Keys.of((last,))) is not None:
            await self._try_host(record, network)

    async def _try_host(self, record: bytes, network: int | None) -> Found | None:
        keys = self.candidates.of_host(client_hello.server_name(record))
        if len(keys.keys) <= MOST_AT_ONCE:
            return _try(record, keys)
        if len(record) > _MOST_SEARCHED_BYTES:
            return None
        return await self._try_in_thread(record, keys, network)

    async def _try_in_thread(self, record: bytes, keys: Keys, network: int | None) -> Found | None:
        async with self._turns.turn(network):
            search = _Search(record, keys, asyncio.get_running_loop())
            try:
                _THREADS.run(search)
            except OSError:  # there is no thread to be had
                return _try_all(record, keys)
            try:
                await asyncio.wait([search.found])
            except asyncio.CancelledError:
                if not _THREADS.withdraw(search):  # the thread is at it: the next turn begins when that is over
                    await asyncio.wait([search.found])
                raise
            return search.found.result()


class _Search:
    """A search by a thread."""

    def __init__(self, record: bytes, keys: Keys, loop: asyncio.AbstractEventLoop) -> None:
        self._record = record
        self._keys = keys
        self._loop = loop
        self.found: asyncio.Future[Found | None] = loop.create_future()

    def __call__(self) -> None:
        found: Found | None = None
        error: Exception | None = None
        try:
            found = _try_all(self._record, self._keys)
        except Exception as raised:
            error = raised
        try:
            self._loop.call_soon_threadsafe(self._tell, found, error)
        except RuntimeError:  # the event loop has been closed
            return

    def _tell(self, found: Found | None, error: Exception | None) -> None:
        if self.found.done():  # the visitor has left
            return
        if error is None:
            self.found.set_result(found)
        else:
            self.found.set_exception(error)


def _try_all(record: bytes, keys: Keys) -> Found | None:
    """Do as `_try`, but for as long as if none of the keys were right."""
    found = _try(record, keys)
    if found is not None:
        client_hello.authenticate(record, keys.keys[keys.accounts.index(found.account) + 1 :])
    return found


def _try(record: bytes, keys: Keys) -> Found | None:
    authentication = client_hello.authenticate(record, keys.keys)
    if authentication is None:
        return None
    index, unix_time = authentication
    return Found(keys.accounts[index], keys.secrets[index], unix_time)
