"""A running proxy gets other options: what follows them, what goes on, and what is let go."""

from __future__ import annotations

import asyncio
import gc
import socket
import weakref
from typing import Any

import pytest

import mtglib
from integration.event_rules import check_events, names
from integration.recording_logger import RecordingLogger
from integration.routed_network import OnlyThese
from integration.stage import HOST, Stage, stage
from mtglib.network import Direct
from support import sockets
from support.eventually import eventually
from support.fake_dc import FakeDC
from support.faketls_client import FakeTLSClient
from support.front import RecordingFront, listen_only
from support.running_proxy import EventRecorder

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

GARBAGE = b"GET / HTTP/1.1\r\n\r\n"


def other_options(around: Stage, **changes: Any) -> mtglib.ProxyOpts:
    """The stage's options, with these changed."""
    settings: dict[str, Any] = {
        "event_stream": around.events,
        "logger": around.log,
        "relay": "pure" if around.proxy.relay_engine != "native" else "native",
        "domain_fronting_ip": "127.0.0.1",
        "domain_fronting_port": around.site.port,
        "dc_overrides": {2: [around.dc.address]},
        "front_learning": None,
    }
    return mtglib.ProxyOpts.with_defaults(**({"secret": around.secret} | settings | changes))


async def check_echo(client: FakeTLSClient) -> None:
    await client.send(b"in")
    assert await client.recv_exactly(2) == b"in"


async def test_another_secret_lets_others_in_and_ends_nobody(relay: str) -> None:
    async with stage(relay) as around:
        old = await around.client()
        visitor = await around.stranger(GARBAGE)
        await around.front.connection()
        await around.proxy.replace_options(other_options(around, secret=mtglib.Secret.generate("other.example")))

        assert "other.example" in repr(around.proxy)
        refused = await around.client_before_hello()
        await refused.send_hello()
        await around.front.connection()
        await check_echo(old)
        assert len(around.proxy.connections()) == 3
        assert names(around.events.events).count("Finish") == 0
        sockets.close(visitor)


async def test_new_connections_follow_every_option_that_streams_use(relay: str) -> None:
    async with stage(relay) as around, FakeDC() as dc, RecordingFront(listen_only) as front:
        old = await around.client()
        options = other_options(around, domain_fronting_port=front.port, dc_overrides={2: [dc.address]})
        await around.proxy.replace_options(options)

        assert around.proxy.domain_fronting_address == ("127.0.0.1", front.port)
        await around.stranger(GARBAGE)
        await front.connection()
        new = await around.client()
        await check_echo(new)
        await check_echo(old)
        assert (len(around.dc.connections), len(dc.connections)) == (1, 1)


@pytest.mark.parametrize(
    ("attribute", "value", "named"),
    [
        ("concurrency", 0, "concurrency"),
        ("secret", None, "secret"),
        ("relay", "auto", "relay"),
        ("idle_timeout", -1.0, "idle_timeout"),
        ("dc_overrides", {1: ["nowhere"]}, "dc_overrides[1]"),
    ],
)
async def test_what_is_invalid_changes_nothing(relay: str, attribute: str, value: Any, named: str) -> None:
    async with stage(relay) as around:
        client = await around.client()
        options = other_options(around, domain_fronting_port=1)
        setattr(options, attribute, value)
        with pytest.raises(mtglib.OptionError) as refusal:
            await around.proxy.replace_options(options)

        assert refusal.value.field == named
        assert around.proxy.domain_fronting_address == ("127.0.0.1", around.site.port)
        await check_echo(client)
        await check_echo(await around.client())


async def test_a_handshake_goes_on_with_the_options_it_has_begun_with(relay: str) -> None:
    async with stage(relay) as around:
        slow = await around.client_before_hello()
        await eventually(lambda: around.proxy.visitors == 1)
        over = around.proxy.replace_options(other_options(around, secret=mtglib.Secret.generate("other.example")))
        assert not over.done()
        await slow.handshake()
        await check_echo(slow)

        await over
        slow.close()


async def test_a_proxy_that_has_served_nobody_begins_with_the_new_options(relay: str) -> None:
    async with stage(relay) as around:
        proxy = mtglib.Proxy(other_options(around, concurrency=1))
        await proxy.replace_options(other_options(around, concurrency=50))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            serving = asyncio.create_task(proxy.serve(listener))
            clients = [
                await FakeTLSClient.connect("127.0.0.1", listener.getsockname()[1], around.secret) for _ in range(2)
            ]
            for client in clients:
                await check_echo(client)
                client.close()
            await proxy.shutdown()
            await serving
        with pytest.raises(mtglib.ProxyShutDownError):
            await proxy.replace_options(other_options(around))


async def test_limits_follow_and_end_nobody(relay: str) -> None:
    async with stage(relay, warnings=True) as around:
        clients = [await around.client() for _ in range(3)]
        await around.proxy.replace_options(other_options(around, concurrency=2))
        one_too_many = await around.stranger()
        assert (await sockets.recv_until_end(one_too_many)).data == b""
        await around.events.seen(mtglib.EventConcurrencyLimited)
        for client in clients:
            await check_echo(client)

        await around.proxy.replace_options(other_options(around, concurrency=100))
        await check_echo(await around.client())


async def test_users_may_follow_a_secret_and_those_who_are_removed_end(relay: str) -> None:
    async with stage(relay) as around:
        first = await around.client()
        users = mtglib.Users([mtglib.User("one", around.secret), mtglib.User("two", mtglib.Secret.generate(HOST))])
        await around.proxy.replace_options(other_options(around, secret=None, users=users))
        second = await around.client()
        await around.proxy.replace_options(other_options(around, secret=None, users=users, concurrency=77))
        third = await around.client()
        assert [one.user for one in around.proxy.connections()] == ["default", "one", "one"]

        users.remove("one")
        await around.events.seen(mtglib.EventFinish, 2)
        assert [one.user for one in around.proxy.connections()] == ["default"]
        await check_echo(first)
        for client in (second, third):
            client.close()


async def test_lists_follow(relay: str) -> None:
    async with stage(relay) as around:
        client = await around.client()
        await around.proxy.replace_options(other_options(around, ip_blocklist=OnlyThese("127.0.0.1")))
        refused = await around.stranger()
        assert (await sockets.recv_until_end(refused)).data == b""
        await around.events.seen(mtglib.EventIPBlocklisted)
        await check_echo(client)


async def test_all_events_and_lines_go_where_the_new_options_say(relay: str) -> None:
    async with stage(relay, event_stream=(before := EventRecorder()), logger=(log := RecordingLogger())) as around:
        client = await around.client()
        await before.seen(mtglib.EventConnectedToDC)
        await around.proxy.replace_options(other_options(around))
        new = await around.client()
        client.close()
        await client_ended(around.events, before.of(mtglib.EventStart)[0].stream_id)
        new.close()

        await around.events.seen(mtglib.EventFinish, 2)
        assert names(before.events) == ["Start", "ConnectedToDC"]
        assert len(around.log.finished()) == 2
        assert not log.finished()
        check_events([*before.events, *around.events.events])
        before.events.extend(around.events.events)
        around.events.events.clear()


async def client_ended(events: EventRecorder, stream_id: str) -> None:
    await eventually(lambda: stream_id in [event.stream_id for event in events.of(mtglib.EventFinish)])


class Parts:
    """Parts that can be referred to weakly."""

    def __init__(self) -> None:
        self.network = Direct()
        self.ip_blocklist = OnlyThese("192.0.2.1")
        self.ip_allowlist = OnlyThese("127.0.0.1")

    def references(self) -> dict[str, weakref.ref[Any]]:
        return {name: weakref.ref(part) for name, part in vars(self).items()}


async def test_nothing_of_the_old_options_is_left_though_streams_go_on(relay: str) -> None:
    async with stage(relay) as around:
        parts = Parts()
        await around.proxy.replace_options(other_options(around, front_learning=mtglib.FrontLearning(), **vars(parts)))
        client, slow = await around.client(), await around.client_before_hello()
        visitor = await around.stranger(GARBAGE)
        await around.front.connection()
        await eventually(lambda: len(around.proxy.connections()) == 3)
        left = parts.references()
        over = around.proxy.replace_options(other_options(around, front_learning=mtglib.FrontLearning()))
        del parts
        gc.collect()
        assert left["network"]() is not None, "the slow client's handshake may need it"

        await slow.handshake()
        await over
        await eventually(lambda: gc.collect() >= 0 and not [name for name, part in left.items() if part() is not None])
        await check_echo(client)
        await check_echo(slow)
        slow.close()
        sockets.close(visitor)


async def test_connections_that_wait_when_a_listener_is_given_up_are_served(relay: str) -> None:
    async with stage(relay) as around:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            serving = asyncio.create_task(around.proxy.serve(listener))
            await asyncio.sleep(0)
            clients = [socket.create_connection(listener.getsockname()) for _ in range(100)]
            serving.cancel()
            await asyncio.wait({serving})
        await eventually(lambda: len(around.proxy.connections()) == 100)
        for client in clients:
            client.close()
        await around.finished(100)
