"""A configuration of mtg-multi, and those that panels write for it, work as they are."""

from __future__ import annotations

import tomllib
from ipaddress import ip_address
from pathlib import Path

from mtg.access import make_access
from mtg.build import build_parts
from mtg.config import config_from_table
from mtglib.noop import NoopLogger

TABLE = tomllib.loads((Path(__file__).parent / "mtg_multi_example.toml").read_text())
NAMES = ["alice", "bob", "__disabled__", "3f2b8c1e-9a4d-4f6b-8e2a-1c5d7e9f0a3b"]


def test_all_its_users_are_there_in_order() -> None:
    loaded = config_from_table(TABLE, source="example")
    parts = build_parts(loaded, logger=NoopLogger())
    assert loaded.warnings == ("throttle.check-interval: has no effect: users' shares are never older than a second",)
    assert parts.options.users is parts.users
    assert parts.options.max_user_connections == 5000
    assert [user.name for user in parts.users] == NAMES
    assert {user.secret.host for user in parts.users} == {"storage.googleapis.com", "www.example.com"}


def test_its_throttle_is_there() -> None:
    throttle = config_from_table(TABLE, source="example").config.throttle
    assert (throttle.max_connections, float(throttle.check_interval)) == (5000, 5.0)


def test_access_shows_the_same_as_its_own() -> None:
    access = make_access(config_from_table(TABLE, source="example"), hex_secret=True)
    shown = access.as_json()
    assert access.ipv4 is not None
    assert access.ipv4.address == ip_address("198.51.100.7")
    assert shown["secret"]["hex"] == TABLE["secrets"]["alice"]
    assert {name: shown["secrets"][name]["hex"] for name in ("alice", "bob")} == {
        name: TABLE["secrets"][name] for name in ("alice", "bob")
    }


def test_access_shows_the_links_of_one_user() -> None:
    access = make_access(config_from_table(TABLE, source="example"), user="bob", hex_secret=True)
    assert TABLE["secrets"]["bob"] in access.best.links.tg_url
