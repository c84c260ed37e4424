"""Several users: each with a secret, limits and perhaps a site of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from dataclasses import replace
from typing import Any

import pytest

import mtglib
from integration.event_rules import by_stream
from integration.stage import HOST, Stage, stage
from mtglib import FrontAddress, Reason, Secret, User, UserLimits, Users
from support import sockets
from support.client_hello import build_client_hello, hello_records, sign_hello
from support.eventually import eventually
from support.faketls_client import FakeTLSClient
from support.front import RecordingFront, answer_then_eof, listen_only
from support.server_answer import AnswerError

SECOND = "second.example"
GARBAGE = b"GET / HTTP/1.1\r\n\r\n"


def user(name: str, host: str = HOST, **limits: Any) -> User:
    return User(name, Secret(os.urandom(16), host), UserLimits(**limits))


def change(users: Users, name: str, **limits: Any) -> None:
    old = users.get(name)
    assert old is not None
    users.replace(replace(old, limits=replace(old.limits, **limits)))


async def connected(around: Stage, who: User) -> FakeTLSClient:
    client = await around.client(secret=who.secret)
    await client.send(b"in")
    assert await client.recv_exactly(2) == b"in"
    return client


async def from_address(around: Stage, address: str, who: User) -> FakeTLSClient:
    sock = socket.socket()
    sock.setblocking(False)
    sock.bind((address, 0))
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", around.port))
    client = await around.peers.enter_async_context(FakeTLSClient(sock, who.secret, 2))
    await client.handshake()
    await client.send(b"in")
    assert await client.recv_exactly(2) == b"in"
    return client


async def test_each_user_is_known_by_its_secret(relay: str) -> None:
    a, b = user("a"), user("b", SECOND)
    users = Users([a, b])
    async with stage(relay, users=users) as around:
        clients = [await connected(around, who) for who in (a, b, b)]
        assert sorted(connection.user for connection in around.proxy.connections()) == ["a", "b", "b"]
        for client in clients:
            client.close()
        await around.finished(3)

        for events in by_stream(around.events.events):
            named = {event.user for event in events if not isinstance(event, mtglib.EventStart)}  # type: ignore[attr-defined]
            assert named in ({"a"}, {"b"})
        used = users.usage("b", 0.0)
        assert used is not None
        assert (used.connections, used.networks, used.streams) == (0, 0, 2)
        assert used.from_client_bytes > 0
        assert used.to_client_bytes == 4
        assert used.last_seen_unix


async def test_many_users_of_one_site_and_strangers_with_its_name(relay: str) -> None:
    crowd = [user(f"u{number}") for number in range(50)]
    async with stage(relay, users=Users(crowd), script=answer_then_eof(b"site", after_bytes=100)) as around:
        for who in (crowd[0], crowd[49], crowd[20], crowd[49]):
            await connected(around, who)
        stranger = hello_records(sign_hello(build_client_hello(HOST), os.urandom(16), 1_700_000_000))
        assert (await around.probe(stranger)).data == b"site"
        await around.events.seen(mtglib.EventDomainFronting)
        (event,) = around.events.of(mtglib.EventDomainFronting)
        assert (event.reason, event.user) == (Reason.DIGEST, "")


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"is_enabled": False}, Reason.USER_DISABLED),
        ({"expires_unix": 1.0}, Reason.USER_EXPIRED),
    ],
)
async def test_a_user_who_may_not_come_in_gets_the_site(relay: str, limits: dict[str, Any], reason: Reason) -> None:
    a = user("a", **limits)
    async with stage(relay, users=Users([a]), script=answer_then_eof(b"site", after_bytes=100)) as around:
        hello = hello_records(sign_hello(build_client_hello(HOST), a.secret.key, int(time.time())))
        assert (await around.probe(hello)).data == b"site"
        assert around.front.connections[0].received == hello
        (event,) = await around.events.seen(mtglib.EventDomainFronting)
        assert (event.reason, event.user) == (reason, "a")
        (end,) = await around.events.seen(mtglib.EventFinish)
        assert end.user == ""


async def test_a_user_with_all_its_connections_gets_no_more(relay: str) -> None:
    a, b = user("a", max_connections=1), user("b")
    async with stage(relay, users=Users([a, b])) as around:
        client = await connected(around, a)
        with pytest.raises((AnswerError, TimeoutError, EOFError)):
            await FakeTLSClient.connect("127.0.0.1", around.port, a.secret, handshake_timeout=0.3)
        await connected(around, b)
        client.close()
        await around.events.seen(mtglib.EventFinish, 2)
        await connected(around, a)


async def test_a_user_comes_from_so_many_networks(relay: str) -> None:
    a = user("a", max_networks=1)
    users = Users([a])
    async with stage(relay, users=users) as around:
        await from_address(around, "127.0.0.1", a)
        await from_address(around, "127.0.0.1", a)
        with pytest.raises((AnswerError, TimeoutError, EOFError)):
            async with asyncio.timeout(0.3):
                await from_address(around, "127.0.0.2", a)
        change(users, "a", max_networks=2)
        await from_address(around, "127.0.0.2", a)


@pytest.mark.parametrize("change_it", ["disable", "remove", "expire", "quota"])
async def test_running_streams_of_a_user_who_may_not_stay_end(
    relay: str, change_it: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtglib.limits.CHECK_SECONDS", 0.02)
    a, b = user("a"), user("b")
    users = Users([a, b])
    async with stage(relay, users=users) as around:
        client, other = await connected(around, a), await connected(around, b)
        match change_it:
            case "disable":
                change(users, "a", is_enabled=False)
            case "remove":
                users.remove("a")
            case "expire":
                change(users, "a", expires_unix=1.0)
            case "quota":
                change(users, "a", quota_bytes=1)
        await sockets.recv_until_end(client.sock)
        (end,) = await around.events.seen(mtglib.EventFinish)
        assert (end.reason, end.user) == (Reason.USER, "a")
        await other.send(b"go on")
        assert await other.recv_exactly(5) == b"go on"


async def test_a_new_secret_ends_nothing_and_the_old_one_is_a_strangers(relay: str) -> None:
    a = user("a")
    users = Users([a])
    async with stage(relay, users=users) as around:
        client = await connected(around, a)
        new = User("a", Secret(os.urandom(16), HOST))
        users.replace(new)
        await connected(around, new)
        await client.send(b"go on")
        assert await client.recv_exactly(5) == b"go on"
        with pytest.raises((AnswerError, TimeoutError, EOFError)):
            await FakeTLSClient.connect("127.0.0.1", around.port, a.secret, handshake_timeout=0.3)


async def test_all_connections_together_are_shared_fairly(relay: str) -> None:
    many, few = user("many"), user("few")
    async with stage(relay, users=Users([many, few]), max_user_connections=3) as around:
        for _ in range(3):
            await connected(around, many)
        with pytest.raises((AnswerError, TimeoutError, EOFError)):
            await FakeTLSClient.connect("127.0.0.1", around.port, many.secret, handshake_timeout=0.3)
        await connected(around, few)
        (event,) = around.events.of(mtglib.EventDomainFronting)
        assert (event.reason, event.user) == (Reason.USER_SHARE, "many")


@pytest.mark.parametrize(("asked", "site"), [(SECOND, "second"), (HOST, "first"), ("foreign.example", "first")])
async def test_a_stranger_gets_the_site_of_the_name_that_it_asks_for(relay: str, asked: str, site: str) -> None:
    first, second = (answer_then_eof(name.encode(), after_bytes=100) for name in ("first", "second"))
    async with RecordingFront(second) as other:
        addresses = {SECOND: FrontAddress(ip="127.0.0.1", port=other.port)}
        users = Users([user("a"), user("b", SECOND)])
        async with stage(relay, users=users, script=first, domain_fronting_hosts=addresses) as around:
            stranger = hello_records(sign_hello(build_client_hello(asked), os.urandom(16), 1_700_000_000))
            assert (await around.probe(stranger)).data == site.encode()
            assert (await around.probe(GARBAGE * 10)).data == b"first"


async def test_a_slow_stranger_is_connected_anew_if_it_asks_for_another_site(relay: str) -> None:
    async with RecordingFront(answer_then_eof(b"second", after_bytes=200)) as other:
        addresses = {SECOND: FrontAddress(ip="127.0.0.1", port=other.port)}
        users = Users([user("a"), user("b", SECOND)])
        async with stage(relay, users=users, script=listen_only, domain_fronting_hosts=addresses) as around:
            stranger = hello_records(sign_hello(build_client_hello(SECOND), os.urandom(16), 1_700_000_000))
            sock = await around.stranger(stranger[:100])
            await eventually(lambda: [one.received for one in around.front.connections] == [stranger[:100]])
            await sockets.send_all(sock, stranger[100:])
            assert (await sockets.recv_until_end(sock)).data == b"second"
            assert other.connections[0].received == stranger


async def test_without_a_single_user_everybody_gets_the_default_site(relay: str) -> None:
    users = Users()
    site = answer_then_eof(b"site", after_bytes=5)
    async with stage(relay, users=users, script=site, domain_fronting_default_host=HOST) as around:
        assert (await around.probe(GARBAGE)).data == b"site"
        a = user("a")
        users.add(a)
        await connected(around, a)
