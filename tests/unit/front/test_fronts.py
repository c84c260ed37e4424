"""Which site a visitor gets."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from mtglib import Secret
from mtglib.front.fronts import Fronts
from mtglib.front.lessons import FrontAnswer
from mtglib.users import User, Users
from mtglib.users.candidates import Candidates
from support.client_hello import build_client_hello, hello_records


class Site:
    """What stands for a `Front`."""

    def __init__(self, host: str, previous: Any = None) -> None:
        self.host = host
        self.previous = previous
        self.loads = 0
        self.closed = False
        self.latest_answer: FrontAnswer | None = None

    def begin(self, previous: Any = None) -> None:
        assert previous is self.previous
        self.loads += 1

    async def close(self, successor: Any = None) -> None:
        assert successor is None or successor.previous is self
        self.closed = True


def user(name: str, host: str) -> User:
    return User(name, Secret(os.urandom(16), host))


def fronts_of(users: Users, default: str = "a.example") -> Fronts:
    make: Any = Site
    return Fronts(default, Candidates(users), make)


def hello(name: str) -> bytes:
    return hello_records(build_client_hello(name))


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("a.example", "a.example"),
        ("B.Example", "b.example"),
        ("c.example", "a.example"),
        ("", "a.example"),
        ("x.b.example", "a.example"),
    ],
)
async def test_a_stranger_gets_the_site_that_it_asks_for_if_it_is_ours(asked: str, got: str) -> None:
    fronts = fronts_of(Users([user("one", "A.example"), user("two", "b.example")]))
    site: Any = fronts.of_hello(hello(asked))
    assert (site.host, site.loads) == (got, 1)
    assert fronts.of_hello(hello(asked)) is site


@pytest.mark.parametrize("record", [b"", b"\x16\x03\x01\x00\x01\x01", hello("b.example")[:60]])
async def test_what_names_no_site_gets_the_default_one(record: bytes) -> None:
    fronts = fronts_of(Users([user("one", "a.example"), user("two", "b.example")]))
    assert fronts.of_hello(record) is fronts.default


async def test_without_users_there_is_the_default_site() -> None:
    fronts = fronts_of(Users(), "z.example")
    site: Any = fronts.of_hello(hello("a.example"))
    assert site.host == "z.example"


async def test_a_site_of_no_user_is_given_up_and_the_default_one_stays() -> None:
    users = Users([user("one", "a.example"), user("two", "b.example")])
    fronts = fronts_of(users)
    first, second = fronts.default, fronts.of_host("b.example")
    closed: Any = second
    users.set([user("three", "c.example")])
    fronts.of_host("c.example")
    await asyncio.sleep(0)
    assert fronts.default is first
    assert closed.closed
    assert fronts.of_hello(hello("b.example")) is first


async def test_all_are_closed_and_tell_what_they_have_learnt() -> None:
    fronts = fronts_of(Users([user("one", "a.example"), user("two", "b.example")]))
    sites: list[Any] = [fronts.default, fronts.of_host("b.example")]
    assert fronts.latest_answers == ()
    sites[1].latest_answer = FrontAnswer("b.example", 1.0, 2600)
    assert list(fronts.latest_answers) == [sites[1].latest_answer]
    await fronts.close()
    assert [site.closed for site in sites] == [True, True]


async def test_those_that_replace_others_know_them_and_make_no_more_than_is_needed() -> None:
    make: Any = Site
    earlier = fronts_of(Users([user("one", "a.example"), user("two", "b.example")]))
    old: list[Any] = [earlier.of_host(host) for host in ("a.example", "b.example")]
    later = Fronts("a.example", Candidates(Users([user("one", "a.example"), user("x", "c.example")])), make, earlier)
    later.begin(earlier)
    await earlier.close(later)

    default: Any = later.default
    assert (default.previous, default.loads) == (old[0], 1)
    assert list(later.made) == ["a.example"]
    assert all(site.closed for site in old)
