"""What a reload does with listeners, lists, counts and the memory of hellos, and what happens when it can't."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import mtglib
from integration.reloaded import SECRET, Reloaded, check_echo, reloaded
from mtg.control.users import user_changes
from mtg.users_file import UsersFileError
from support import sockets
from support.client_hello import hello_records
from support.eventually import eventually
from support.faketls_client import FakeTLSClient
from support.list_server import ListServer, page
from support.metrics_page import samples
from support.ports import free_port


def blocklist(*urls: str) -> dict[str, Any]:
    return {"defense.blocklist.enabled": True, "defense.blocklist.urls": list(urls)}


async def test_a_port_in_use_changes_nothing(tmp_path: Path) -> None:
    async with reloaded(tmp_path) as around:
        client = await around.client()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            result = await around.reload({"bind-to": [around.base["bind-to"], address], "concurrency": 1})

        assert (result.is_applied, result.changed) == (False, ())
        assert result.problems == (
            f"mtg.toml: bind-to: can't listen on {address}: another program is using this address",
        )
        assert around.app.last_reload is result
        assert around.app.status().listens == (around.base["bind-to"],)
        await check_echo(client)
        await around.client()


async def test_all_problems_of_a_broken_file_are_told(tmp_path: Path) -> None:
    async with reloaded(tmp_path) as around:
        result = await around.reload({"concurrency": 0, "fast-mode": "perhaps", "defense.anti-replay.kind": "paper"})
        assert not result.is_applied
        named = {problem.split(": ")[1] for problem in result.problems}
        assert named == {"concurrency", "fast-mode", "defense.anti-replay.kind"}
        told = around.log.everything()
        assert all(problem in told for problem in result.problems)
        await around.client()


async def test_listeners_come_and_go(tmp_path: Path) -> None:
    async with reloaded(tmp_path) as around:
        client, port, path = await around.client(), free_port(), tmp_path / "socket"
        addresses = [f"127.0.0.1:{port}", f"unix:{path}"]
        result = await around.reload({"bind-to": addresses})

        assert result.changed == ("bind-to",)
        assert around.app.status().listens == tuple(addresses)
        await around.client(port)
        unix = socket.socket(socket.AF_UNIX)
        unix.setblocking(False)
        await asyncio.get_running_loop().sock_connect(unix, str(path))
        async with await FakeTLSClient(unix, SECRET).handshake() as local:
            await check_echo(local)
        with pytest.raises(ConnectionRefusedError):
            await around.client()
        await check_echo(client)

        await around.reload()
        await around.client()
        await eventually(lambda: not path.exists())


@pytest.mark.parametrize(
    ("before", "after"), [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "0.0.0.0"), ("127.0.0.1", "[::]")]
)
async def test_another_address_of_the_same_port_refuses_nobody(tmp_path: Path, before: str, after: str) -> None:
    port = free_port()
    settings: dict[str, Any] = {"bind-to": f"{before}:{port}"}
    async with reloaded(tmp_path, **settings) as around:
        is_over = False

        async def come() -> int:
            count = 0
            while not is_over:
                (await around.client(port)).close()
                count += 1
            return count

        coming = asyncio.create_task(come())
        for address in (after, before) * 3:
            result = await around.reload({"bind-to": f"{address}:{port}"})
            assert (result.problems, around.app.status().listens) == ((), (f"{address}:{port}",))
        is_over = True
        assert await coming > 0


async def test_a_list_that_stays_is_not_downloaded_again(tmp_path: Path) -> None:
    pages = {"/one": page(b"192.0.2.0/24\n"), "/two": page(b"198.51.100.0/24\n")}
    async with ListServer(pages) as server, reloaded(tmp_path) as around:
        await around.reload(blocklist(server.url("/one")))
        await eventually(lambda: len(server.requests) >= 1)
        await around.reload({**blocklist(server.url("/one")), "concurrency": 77})
        await around.reload({**blocklist(server.url("/one")), "network.timeout.http": "3s"})
        await around.reload({**blocklist(server.url("/one"), server.url("/two"))})

        (blocked,) = [ip_list for ip_list, _ in around.app.parts.ip_lists]
        assert blocked.size == 2
        asked = [head.split(" ")[1] for head in server.requests]
        assert asked.count("/one") <= 2, "the second time to see whether it has changed"
        await around.app.reload_lists()
        assert len(server.requests) >= len(asked) + 2


async def test_parts_that_are_configured_as_before_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("192.0.2.0/24\n")
    listed = blocklist(str(tmp_path / "list"))
    async with reloaded(tmp_path) as around:
        await around.reload(listed)
        before = around.app.parts
        await around.reload({**listed, "concurrency": 77, "log-level": "debug"})
        after = around.app.parts

        assert after.options.concurrency == 77
        assert after.resolver is before.resolver
        assert after.replay_memory is before.replay_memory
        assert after.ip_lists == before.ip_lists
        assert (after.options.network, after.options.front_network) == (
            before.options.network,
            before.options.front_network,
        )


async def test_a_list_that_cannot_be_read_is_told_and_the_rest_applies(tmp_path: Path) -> None:
    async with reloaded(tmp_path) as around:
        result = await around.reload({**blocklist(str(tmp_path / "missing")), "concurrency": 77})
        assert result.is_applied
        (problem,) = result.problems
        assert problem.startswith(f"mtg.toml: defense.blocklist.urls: {tmp_path}/missing: ")
        assert "concurrency" in result.changed
        await around.client()


async def test_users_who_are_changed_during_a_reload_stay_changed(tmp_path: Path) -> None:
    ann, bob = (mtglib.Secret(os.urandom(16), "front.example") for _ in range(2))
    file, is_changed = tmp_path / "users.toml", asyncio.Event()
    users: dict[str, Any] = {"users-file": str(file)}
    file.write_text(f'[users.ann]\nsecret = "{ann.hex()}"\n')

    async def late(sock: socket.socket) -> None:
        await is_changed.wait()
        await page(b"192.0.2.0/24\n")(sock)

    async with ListServer({"/one": late}) as server, reloaded(tmp_path, **users) as around:
        reloading = asyncio.create_task(around.reload(blocklist(server.url("/one"))))
        await eventually(lambda: bool(server.requests))
        changes = user_changes(around.app)
        await changes.remove("ann")
        await changes.add("bob", {"secret": bob.hex()})
        is_changed.set()
        assert (await reloading).is_applied
        assert [user.name for user in around.app.parts.users] == ["default", "bob"]
        around.secret = bob
        await around.client()


async def test_users_stay_when_their_file_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "users.toml"
    users: dict[str, Any] = {"users-file": str(file)}
    file.write_text(f'[users.ann]\nsecret = "{mtglib.Secret(os.urandom(16), "front.example").hex()}"\n')
    async with reloaded(tmp_path, **users) as around:
        file.unlink()
        gone = f"{file}: is gone, and its users are in use (an empty file would remove them)"
        assert (await around.reload()).problems == (gone,)
        with pytest.raises(UsersFileError, match="is gone"):
            await user_changes(around.app).add("bob", {})
        os.mkfifo(file)
        assert (await around.reload()).problems == (f"{file}: expected a file, got a pipe",)
        assert [user.name for user in around.app.parts.users] == ["default", "ann"]
        file.unlink()
        file.touch()
        assert (await around.reload()).is_applied
        assert [user.name for user in around.app.parts.users] == ["default"]


async def test_an_allowlist_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    allowlist = {"defense.allowlist.enabled": True, "defense.allowlist.urls": [str(tmp_path / "missing")]}
    async with reloaded(tmp_path) as around:
        result = await around.reload({**allowlist, "concurrency": 77})
        assert (result.is_applied, result.changed) == (False, ())
        assert result.problems[0].startswith("mtg.toml: defense.allowlist.urls: ")
        await around.client()


async def test_two_at_once_are_two_and_three_are_two(tmp_path: Path) -> None:
    async with reloaded(tmp_path) as around:
        results = await asyncio.gather(*(around.reload({"concurrency": 77}) for _ in range(2)))
        assert results[0] is results[1]
        first = asyncio.create_task(around.reload())
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # it has begun
        second, third = await asyncio.gather(around.app.reload(), around.app.reload())
        assert second is third is not await first


async def test_a_reload_within_a_flood_of_visitors(tmp_path: Path) -> None:
    async with reloaded(tmp_path) as around:
        client, is_over = await around.client(), False

        async def flood() -> None:
            while not is_over:
                with suppress(OSError):
                    sock = await sockets.connect("127.0.0.1", around.port)
                    await sockets.send_all(sock, b"GET / HTTP/1.1\r\n\r\n")
                    sockets.close(sock)

        floods = [asyncio.create_task(flood()) for _ in range(8)]
        for number in range(10):
            result = await around.reload({"concurrency": 50 + number, "defense.limits.visitors": 4 + number})
            assert result.is_applied
            await check_echo(client)
            await around.client()
        is_over = True
        await asyncio.gather(*floods)


async def test_numbers_of_the_page_go_on(tmp_path: Path) -> None:
    places = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    metrics = {"stats.prometheus.enabled": True, "stats.prometheus.bind-to": places[0]}
    async with reloaded(tmp_path) as around:
        await around.reload(metrics)
        client = await around.client()
        await eventually_open(places[0], 1)
        await around.reload({**metrics, "stats.prometheus.metric-prefix": "other"})
        await eventually_open(places[0], 1, prefix="other")
        await around.reload({**metrics, "stats.prometheus.bind-to": places[1], "stats.prometheus.http-path": "/m"})
        await eventually_open(places[1], 1, "/m")
        with pytest.raises(ConnectionRefusedError):
            await fetch(places[0])
        client.close()
        await eventually_open(places[1], 0, "/m")
        await around.reload()
        with pytest.raises(ConnectionRefusedError):
            await fetch(places[1], "/m")


async def fetch(address: str, path: str = "/") -> bytes:
    reader, writer = await asyncio.open_connection(*address.split(":"))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
    answered = await reader.read()
    writer.close()
    assert answered.startswith(b"HTTP/1.1 200 ")
    return answered.partition(b"\r\n\r\n")[2]


async def eventually_open(address: str, expected: int, path: str = "/", prefix: str = "mtg") -> None:
    """Wait until the page has so many connections of clients."""
    series = (f"{prefix}_client_connections", frozenset({("ip_family", "ipv4")}))
    while samples(await fetch(address, path)).get(series) != expected:
        await asyncio.sleep(0)


KINDS: list[dict[str, Any]] = [
    {"defense.anti-replay.max-entries": 5000},
    {"defense.anti-replay.kind": "bloom"},
    {"defense.anti-replay.kind": "redis", "defense.anti-replay.url": "redis://127.0.0.1:1"},
]


@pytest.mark.parametrize("other", KINDS)
async def test_no_hello_is_forgotten_by_another_memory(tmp_path: Path, other: dict[str, Any]) -> None:
    if other.get("defense.anti-replay.kind") == "redis":
        pytest.importorskip("redis")
    async with reloaded(tmp_path) as around:
        for settings in (other, {}, other):
            hello = await seen_hello(around)
            result = await around.reload(settings)
            assert (result.is_applied, result.problems) == (True, ())
            await fronted(around, hello)


async def seen_hello(around: Reloaded) -> bytes:
    client = FakeTLSClient(await around.stranger(), SECRET)
    await client.handshake()
    return hello_records(client.hello)


async def fronted(around: Reloaded, hello: bytes) -> None:
    before = len(around.site.connections)
    await around.stranger(hello)
    await eventually(lambda: len(around.site.connections) > before)


async def test_the_old_parts_are_freed_while_streams_go_on(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("192.0.2.0/24\n")
    async with reloaded(tmp_path) as around:
        await around.reload({**blocklist(str(tmp_path / "list")), "network.dns": "udp://127.0.0.1"})
        client = await around.client()
        options = around.app.parts.options
        left: dict[str, weakref.ref[Any]] = {
            "network": weakref.ref(options.network),
            "list": weakref.ref(options.ip_blocklist),
            "resolver": weakref.ref(around.app.parts.resolver),
            "memory": weakref.ref(options.anti_replay_cache),
        }
        del options
        await around.reload({"defense.anti-replay.max-entries": 5000})
        await eventually(lambda: not names_left(left))
        await check_echo(client)


def names_left(left: dict[str, weakref.ref[Any]]) -> list[str]:
    gc.collect()
    return [name for name, part in left.items() if part() is not None]


async def test_a_reload_while_it_stops_says_so(tmp_path: Path) -> None:
    async with reloaded(tmp_path) as around:
        await around.app.stop(0)
        result = await around.app.reload()
        assert (result.is_applied, result.problems) == (False, ("the program is stopping",))
