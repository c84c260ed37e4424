"""Whose key a hello was made with: of few users, of many, and with what was learnt of a network."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence

import pytest

from mtglib import ClientError, Secret, key_search
from mtglib.ground.daemon_threads import DaemonThreads, Work
from mtglib.key_search import KeySearch
from mtglib.users import User, Users
from mtglib.users.candidates import Candidates
from mtglib.wire import client_hello
from mtglib.wire.client_hello import Authentication
from support.client_hello import build_client_hello, hello_records, sign_hello

NOW_UNIX = 1_700_000_000
HERE, THERE = 1, 2
MANY = 100


def many(host: str = "front.example", prefix: str = "u") -> list[User]:
    return [User(f"{prefix}{number}", Secret(os.urandom(16), host)) for number in range(MANY)]


def hello(secret: Secret, *, name: str | None = None) -> bytes:
    return hello_records(sign_hello(build_client_hello(name or secret.host), secret.key, NOW_UNIX))


class Tried:
    """The numbers of keys that were tried together, on the event loop's thread and on others."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.here: list[int] = []
        self.elsewhere: list[int] = []
        self._authenticate = client_hello.authenticate
        monkeypatch.setattr(client_hello, "authenticate", self._try)

    def _try(self, record: bytes, keys: Sequence[bytes]) -> Authentication | None:
        mine = threading.current_thread() is threading.main_thread()
        (self.here if mine else self.elsewhere).append(len(keys))
        return self._authenticate(record, keys)


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Tried:
    return Tried(monkeypatch)


async def test_each_of_many_users_is_found(tried: Tried) -> None:
    users = [*many(), *many("other.example", "o")]
    search = KeySearch(Candidates(Users(users)))
    for user in users[:: MANY // 3]:
        found = await search.find(hello(user.secret), None)
        assert found is not None
        assert (found.account.user, found.secret, found.unix_time) == (user, user.secret, NOW_UNIX)
    assert max(tried.elsewhere) == MANY, "those of one site, in a thread"
    assert tried.here == []


async def test_a_network_that_is_known_costs_one_key(tried: Tried) -> None:
    users = many()
    search = KeySearch(Candidates(Users(users)))
    for network, user in ((HERE, users[50]), (THERE, users[60]), (HERE, users[50]), (THERE, users[60])):
        found = await search.find(hello(user.secret), network)
        assert found is not None
        assert found.account.user is user
        search.let_in(found.account, network)
    assert tried.here == [1, 1]
    assert tried.elsewhere == [MANY, MANY - 51, MANY, MANY - 61], "all keys, whichever is right"


async def test_a_right_key_that_is_not_let_in_costs_as_many_keys_as_a_wrong_one(tried: Tried) -> None:
    users = many()
    search = KeySearch(Candidates(Users(users)))
    found = await search.find(hello(users[0].secret), HERE)
    assert found is not None
    search.let_in(found.account, HERE)
    for secret in (users[0].secret, users[5].secret, Secret(os.urandom(16), "front.example")):
        tried.here.clear()
        tried.elsewhere.clear()
        record = hello(secret)
        if await search.find(record, HERE) is not None:
            await search.turned_away(record, HERE)
        assert tried.elsewhere[0] == MANY
        assert set(tried.here) == {1}


async def test_another_user_of_the_same_network_is_found_and_is_its_last_one_then() -> None:
    users = many()
    search = KeySearch(Candidates(Users(users)))
    for user in (users[1], users[2], users[1]):
        found = await search.find(hello(user.secret), HERE)
        assert found is not None
        assert found.account.user is user


async def test_a_stranger_is_nobody_and_one_of_another_site_costs_nothing(tried: Tried) -> None:
    search = KeySearch(Candidates(Users(many())))
    stranger = Secret(os.urandom(16), "front.example")
    assert await search.find(hello(stranger), HERE) is None
    assert await search.find(hello(stranger, name="foreign.example"), HERE) is None
    assert (tried.here, tried.elsewhere) == ([0], [MANY])


async def test_a_hello_longer_than_any_clients_costs_no_search_by_a_thread(tried: Tried) -> None:
    user, one = many()[0], User("one", Secret(os.urandom(16), "other.example"))
    search = KeySearch(Candidates(Users([*many()[1:], user, one])))

    def long(secret: Secret) -> bytes:
        return hello_records(sign_hello(build_client_hello(secret.host, suites=bytes(4096)), secret.key, NOW_UNIX))

    assert await search.find(long(user.secret), HERE) is None
    assert tried.elsewhere == []
    found = await search.find(long(one.secret), HERE)
    assert found is not None
    assert found.account.user is one


async def test_few_users_of_a_site_are_tried_at_once(tried: Tried) -> None:
    one = User("one", Secret(os.urandom(16), "other.example"))
    search = KeySearch(Candidates(Users([*many(), one])))
    found = await search.find(hello(one.secret), None)
    assert found is not None
    assert found.account.user is one
    assert (tried.here, tried.elsewhere) == ([1], [])


async def test_hellos_wait_for_their_turn_and_those_who_leave_cost_nothing(tried: Tried) -> None:
    users = many()
    search = KeySearch(Candidates(Users(users)))
    waiting = [asyncio.create_task(search.find(hello(user.secret), None)) for user in users[:8]]
    await asyncio.sleep(0)
    for task in waiting[:7]:
        task.cancel()
    found = await waiting[7]
    assert found is not None
    assert found.account.user is users[7]
    assert tried.elsewhere.count(MANY) <= 2


async def test_those_who_leave_one_after_another_leave_no_work_behind(tried: Tried) -> None:
    users = many()
    search = KeySearch(Candidates(Users(users)))
    for user in users[:20]:
        task = asyncio.create_task(search.find(hello(user.secret), None))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
    begun = tried.elsewhere.count(MANY)
    found = await search.find(hello(users[50].secret), None)
    assert found is not None
    assert tried.elsewhere.count(MANY) == begun + 1


async def test_a_replaced_secret_is_found_at_once() -> None:
    users = Users(many())
    search = KeySearch(Candidates(users))
    old, new = next(iter(users)).secret, Secret(os.urandom(16), "front.example")
    assert await search.find(hello(old), HERE) is not None
    users.replace(User("u0", new))
    assert await search.find(hello(old), HERE) is None
    found = await search.find(hello(new), HERE)
    assert found is not None
    assert found.secret == new


async def test_without_a_thread_the_keys_are_tried_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoThreads(DaemonThreads):
        def run(self, work: Work) -> None:
            raise OSError("no thread could be started")

    monkeypatch.setattr(key_search, "_THREADS", NoThreads(1, "none"))
    users = many()
    found = await KeySearch(Candidates(Users(users))).find(hello(users[3].secret), None)
    assert found is not None
    assert found.account.user is users[3]


async def test_a_record_that_ends_within_its_random_is_no_hello() -> None:
    with pytest.raises(ClientError):
        await KeySearch(Candidates(Users(many()[:1]))).find(hello(many()[0].secret)[:30], None)
