"""Which keys are tried, and in which order."""

from __future__ import annotations

import os

from mtglib import Secret
from mtglib.users import User, Users
from mtglib.users.candidates import MOST_AT_ONCE, Candidates

HERE, THERE = 1, 2


def user(name: str, host: str = "front.example") -> User:
    return User(name, Secret(os.urandom(16), host))


def test_few_keys_are_tried_at_once() -> None:
    users = Users(user(f"{number}") for number in range(MOST_AT_ONCE))
    candidates = Candidates(users)
    assert candidates.are_few
    assert list(candidates.all.keys) == [one.secret.key for one in users]
    users.add(user("more"))
    assert not candidates.are_few


def test_keys_of_a_site_are_those_of_its_users() -> None:
    a, b, c = user("a"), user("b", "Other.example"), user("c")
    candidates = Candidates(Users([a, b, c]))
    assert list(candidates.of_host("FRONT.example").keys) == [a.secret.key, c.secret.key]
    assert [account.user for account in candidates.of_host("other.example").accounts] == [b]
    assert list(candidates.of_host("foreign.example").keys) == []
    assert list(candidates.hosts) == ["front.example", "other.example"]


def test_a_networks_last_user_is_known_until_it_is_removed() -> None:
    users = Users([user("a"), user("b")])
    a, b = users.accounts
    candidates = Candidates(users)
    candidates.matched(a, HERE)
    candidates.matched(b, THERE)
    candidates.matched(b, None)
    assert (candidates.last_of(HERE), candidates.last_of(THERE), candidates.last_of(None)) == (a, b, None)
    users.remove("a")
    assert candidates.last_of(HERE) is None


def test_networks_are_forgotten_when_there_are_too_many() -> None:
    users = Users([user("a")])
    candidates = Candidates(users)
    for network in range(5000):
        candidates.matched(users.accounts[0], network)
        candidates.matched(users.accounts[0], 0)
    assert candidates.last_of(0) is not None
    assert candidates.last_of(1) is None
    assert candidates.last_of(4999) is not None
