"""Options about users and their sites."""

from __future__ import annotations

from typing import Any

import pytest

from mtglib import FrontAddress, OptionError, ProxyOpts, Secret, User, Users

SECRET = Secret(bytes(range(16)), "front.example")


def test_options_are_keyword_only() -> None:
    with pytest.raises(TypeError):
        ProxyOpts(SECRET)  # type: ignore[call-arg]


USERS = Users([User("a", SECRET)])


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "secret: expected a secret, got nothing"),
        ({"secret": SECRET, "users": USERS}, "users: expected only one of secret and users"),
        ({"users": [User("a", SECRET)]}, "users: expected Users, got list"),
        ({"users": Users()}, "domain_fronting_default_host: expected a site for visitors, as there are no users"),
        ({"users": USERS, "domain_fronting_default_host": "a b"}, "domain_fronting_default_host: expected a host name"),
        ({"users": USERS, "max_user_connections": 0}, "max_user_connections: expected a whole number from 1 to"),
        ({"users": USERS, "domain_fronting_hosts": {"a.example": 443}}, "domain_fronting_hosts: expected a mapping"),
    ],
)
def test_there_is_a_secret_or_users_and_always_a_site(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(OptionError, match=f"^{problem}"):
        ProxyOpts.with_defaults(**given)


def test_the_default_site_is_the_first_users_unless_another_is_given() -> None:
    users = Users([User("a", SECRET), User("b", Secret(bytes(range(1, 17)), "Second.example"))])
    opts = ProxyOpts.with_defaults(users=users)
    assert opts.default_host == SECRET.host
    assert list(opts.sites()) == [SECRET.host, "second.example"]
    opts = ProxyOpts.with_defaults(users=users, domain_fronting_default_host="third.example")
    assert opts.default_host == "third.example"
    assert list(opts.sites()) == ["third.example", SECRET.host, "second.example"]
    assert ProxyOpts.with_defaults(users=Users(), domain_fronting_default_host="third.example").sites()


def test_a_site_may_have_an_address_of_its_own() -> None:
    own = FrontAddress(ip="192.0.2.9")
    opts = ProxyOpts.with_defaults(SECRET, domain_fronting_port=8443, domain_fronting_hosts={"A.example": own})
    assert opts.front_address("a.Example") is own
    assert opts.front_address("b.example") == FrontAddress(port=8443)
