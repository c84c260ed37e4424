"""The collection of users: what changes it, and what doesn't."""

from __future__ import annotations

import os
from typing import Any

import pytest

from mtglib import OptionError, Secret
from mtglib.users import User, UserLimits, Users

A, B = (User(name, Secret(os.urandom(16), "front.example")) for name in "ab")


def test_they_are_kept_in_their_order() -> None:
    users = Users([B, A])
    assert [user.name for user in users] == ["b", "a"]
    assert (len(users), "a" in users, "c" in users, users.get("a"), users.get("c")) == (2, True, False, A, None)


def test_add_replace_and_remove() -> None:
    users = Users([A])
    users.add(B)
    users.replace(User("a", A.secret, UserLimits(max_connections=3)))
    assert [(user.name, user.limits.max_connections) for user in users] == [("a", 3), ("b", None)]
    users.remove("a")
    assert list(users) == [B]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda users: users.add(User("a", Secret(os.urandom(16), "x.example"))), "name: expected one that no other"),
        (lambda users: users.add(User("c", A.secret)), "users: expected users of different keys, got the same one"),
        (lambda users: users.add("c"), "users: expected a User, got str"),
        (lambda users: users.replace(User("c", A.secret)), "name: expected that of a user"),
        (lambda users: users.replace(User("a", B.secret)), "users: expected users of different keys"),
        (lambda users: users.remove("c"), "name: expected that of a user"),
        (lambda users: users.set([A, A]), "users: expected users of different names"),
    ],
)
def test_a_change_that_is_not_possible_changes_nothing(change: Any, problem: str) -> None:
    users = Users([A, B])
    before = users.version
    with pytest.raises(OptionError, match=f"^{problem}") as caught:
        change(users)
    assert (list(users), users.version) == ([A, B], before)
    assert A.secret.key.hex() not in str(caught.value)


def test_two_users_with_one_key_are_both_named() -> None:
    with pytest.raises(OptionError, match="the same one for a and c"):
        Users([A, User("c", Secret(A.secret.key, "other.example"))])


def test_what_was_used_stays_until_a_user_is_removed() -> None:
    users = Users([A, B])
    users.accounts[0].usage.count_bytes(1, 2, 10.0)
    users.replace(User("a", Secret(os.urandom(16), "front.example")))
    users.set(reversed([*users]))
    usage = users.usage("a", 10.0)
    assert usage is not None
    assert (usage.from_client_bytes, usage.to_client_bytes, usage.period_bytes, usage.last_seen_unix) == (1, 2, 3, 10.0)
    users.remove("a")
    users.add(A)
    usage = users.usage("a", 10.0)
    assert usage is not None
    assert (usage.period_bytes, usage.last_seen_unix) == (0, None)
    assert users.usage("c", 10.0) is None
