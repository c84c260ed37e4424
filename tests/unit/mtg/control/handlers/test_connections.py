"""Thousands of connections are listed bit by bit. parts/test_control lists those of a program."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import mtglib
from mtg.control.handlers.connections import ROUTES
from mtg.control.route import Call

MANY = 5000


def call(connections: Iterator[mtglib.Connection], *, mask: bool = False, **query: str) -> Call:
    proxy = SimpleNamespace(iter_connections=lambda: connections)
    program: Any = SimpleNamespace(
        proxy=proxy, parts=SimpleNamespace(control=SimpleNamespace(mask_client_addresses=mask))
    )
    request: Any = None
    return Call(program, request, {}, query)


def connection(number: int, user: str = "default") -> mtglib.Connection:
    ip = mtglib.canonical_ip(f"2001:db8::{number:x}")
    return mtglib.Connection(
        stream_id=f"id-{number}",
        client=None if ip is None or not number else mtglib.Endpoint(ip, 1000),
        user=user,
        state=mtglib.State.TELEGRAM,
        dc=2,
        since_unix=1.5,
        from_client_bytes=3,
        to_client_bytes=4,
    )


async def listed(of: Call) -> list[dict[str, Any]]:
    answer = await ROUTES[0].handler(of)
    assert isinstance(answer, bytes)
    found: list[dict[str, Any]] = msgspec.json.decode(answer)["connections"]
    return found


@pytest.mark.parametrize(("mask", "client"), [(False, "[2001:db8::1]:1000"), (True, "2001:db8::/48")])
async def test_a_connection_is_shown_with_all_that_is_known(mask: bool, client: str) -> None:
    without, with_address = await listed(call(iter([connection(0), connection(1)]), mask=mask))
    assert (without["id"], without["client"]) == ("id-0", None)
    assert with_address == {
        "id": "id-1",
        "client": client,
        "user": "default",
        "state": "telegram",
        "dc": 2,
        "since_unix": 1.5,
        "from_client_bytes": 3,
        "to_client_bytes": 4,
    }


async def test_those_of_one_user_are_chosen() -> None:
    some = [connection(1, "a"), connection(2, ""), connection(3, "b")]
    assert [one["id"] for one in await listed(call(iter(some), user="b"))] == ["id-3"]
    assert [one["id"] for one in await listed(call(iter(some), user=""))] == ["id-2"]


async def test_others_have_their_turn_in_between() -> None:
    taken = 0

    def many() -> Iterator[mtglib.Connection]:
        nonlocal taken
        for taken in range(1, MANY + 1):
            yield connection(taken)

    listing = asyncio.create_task(listed(call(many())))
    longest = before = 0
    while not listing.done():
        longest, before = max(longest, taken - before), taken
        await asyncio.sleep(0)
    assert len(await listing) == MANY
    assert 0 < longest < MANY / 10
