"""Every key of the configuration is changed while the program runs: no stream ends, and no connection is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

import mtglib
from integration.reloaded import SECRET, Reloaded, check_echo, reloaded
from mtg.config import Config
from mtg.reload import UNCHANGEABLE
from support.faketls_client import FakeTLSClient
from support.ports import free_port

OTHER = mtglib.Secret(bytes(range(1, 17)), "front.example")


class Change(NamedTuple):
    """How to change a key.

    Attributes:
        value: Its other value, or what makes it of the test's folder.
        beside: Other keys that have to change with it.
        tells: The key that the reload names, if that isn't the same.
    """

    value: Any
    beside: dict[str, Any] = {}  # noqa: RUF012
    tells: str = ""


def a_list(tmp_path: Path) -> list[str]:
    (tmp_path / "list").write_text("192.0.2.0/24\n")
    return [str(tmp_path / "list")]


def everybody(tmp_path: Path) -> list[str]:
    (tmp_path / "everybody").write_text("127.0.0.0/8\n::1\n")
    return [str(tmp_path / "everybody")]


def a_secret(tmp_path: Path) -> str:
    (tmp_path / "secret").write_text(SECRET.hex())
    return str(tmp_path / "secret")


def a_token(tmp_path: Path) -> str:
    (tmp_path / "token").write_text("0123456789abcdef")
    return str(tmp_path / "token")


def an_address(_: Path) -> str:
    return f"127.0.0.1:{free_port()}"


ALLOWED = {"defense.allowlist.enabled": True, "defense.allowlist.urls": everybody}
BLOCKED = {"defense.blocklist.enabled": True, "defense.blocklist.urls": a_list}
PAGE = {"stats.prometheus.enabled": True, "stats.prometheus.bind-to": an_address}
PUSHED = {"stats.statsd.enabled": True, "stats.statsd.address": an_address}
REFUSED = object()
"""For keys of features that don't exist."""

USERS = {"users": {"joe": {"secret": OTHER.hex()}}}

CHANGES: dict[str, Change] = {
    "debug": Change(True, tells="log-level"),
    "log-level": Change("debug"),
    "secret": Change(OTHER.hex()),
    "secret-file": Change(a_secret, {"secret": None}),
    "bind-to": Change(lambda _: f"127.0.0.2:{free_port()}"),
    "proxy-protocol-listener": Change(True, {"proxy-protocol-trusted": ["127.0.0.0/8"]}),
    "proxy-protocol-trusted": Change(["192.0.2.0/24"]),
    "concurrency": Change(100),
    "prefer-ip": Change("only-ipv4"),
    "public-ipv4": Change("192.0.2.1"),
    "public-ipv6": Change("2001:db8::1"),
    "auto-update": Change(REFUSED),
    "tolerate-time-skewness": Change("9s"),
    "allow-fallback-on-unknown-dc": Change(True),
    "fast-mode": Change(False),
    "mask-client-addresses": Change(True),
    "state-directory": Change(lambda tmp_path: str(tmp_path / "elsewhere")),
    "domain-fronting.host": Change("127.0.0.1", {"domain-fronting.ip": None}),
    "domain-fronting.ip": Change("127.0.0.2"),
    "domain-fronting.port": Change(444),
    "domain-fronting.proxy-protocol": Change(True),
    "network.dns": Change("udp://127.0.0.1"),
    "network.doh-ip": Change("127.0.0.1", {"network.dns": None}, tells="network.dns"),
    "network.proxies": Change(["socks5://127.0.0.1:1080", ""]),
    "network.tcp-not-sent-lowat": Change("64kb"),
    "network.timeout.tcp": Change("4s"),
    "network.timeout.http": Change("4s"),
    "network.timeout.idle": Change("4m"),
    "network.timeout.handshake": Change("4s"),
    "network.timeout.frame": Change("4s"),
    "network.keep-alive.disabled": Change(True),
    "network.keep-alive.idle": Change("20s"),
    "network.keep-alive.interval": Change("20s"),
    "network.keep-alive.count": Change(3),
    "network.client-tcp.mss": Change(1200),
    "network.client-tcp.window": Change("32kb"),
    "defense.front-learning.enabled": Change(True),
    "defense.front-learning.each": Change("5h"),
    "defense.front-learning.samples": Change(5),
    "defense.front-learning.answer-delay": Change("off"),
    "defense.doppelganger.urls": Change(["https://front.example/page"]),
    "defense.doppelganger.repeats-per-raid": Change(2),
    "defense.doppelganger.raid-each": Change("7h"),
    "defense.doppelganger.drs": Change(True),
    "defense.anti-replay.enabled": Change(False),
    "defense.anti-replay.max-size": Change("2mb", {"defense.anti-replay.kind": "bloom"}),
    "defense.anti-replay.error-rate": Change(0.01, {"defense.anti-replay.kind": "bloom"}),
    "defense.anti-replay.kind": Change("bloom"),
    "defense.anti-replay.max-entries": Change(5000),
    "defense.anti-replay.remember": Change(
        "3d", {"defense.anti-replay.kind": "redis", "defense.anti-replay.url": "redis://127.0.0.1:1"}
    ),
    "defense.anti-replay.url": Change("redis://127.0.0.1:1", {"defense.anti-replay.kind": "redis"}),
    "defense.blocklist.enabled": Change(True, {"defense.blocklist.urls": a_list}),
    "defense.blocklist.urls": Change(a_list, {"defense.blocklist.enabled": True}),
    "defense.blocklist.download-concurrency": Change(3, BLOCKED),
    "defense.blocklist.update-each": Change("1h", BLOCKED),
    "defense.allowlist.enabled": Change(True, {"defense.allowlist.urls": everybody}),
    "defense.allowlist.urls": Change(everybody, {"defense.allowlist.enabled": True}),
    "defense.allowlist.download-concurrency": Change(3, ALLOWED),
    "defense.allowlist.update-each": Change("1h", ALLOWED),
    "defense.limits.visitors": Change(50),
    "defense.limits.per-network": Change(40),
    "defense.cache-directory": Change(lambda tmp_path: str(tmp_path / "another")),
    "stats.statsd.enabled": Change(True, {"stats.statsd.address": an_address}),
    "stats.statsd.address": Change(an_address, {"stats.statsd.enabled": True}),
    "stats.statsd.metric-prefix": Change("other", PUSHED),
    "stats.statsd.tag-format": Change("influxdb", PUSHED),
    "stats.prometheus.enabled": Change(True, {"stats.prometheus.bind-to": an_address}),
    "stats.prometheus.bind-to": Change(an_address, {"stats.prometheus.enabled": True}),
    "stats.prometheus.http-path": Change("/metrics", PAGE),
    "stats.prometheus.metric-prefix": Change("other", PAGE),
    "dc-overrides": Change(lambda _: {"2": ["127.0.0.1:9"], "3": ["127.0.0.1:9"]}),
    "control-socket": Change(lambda tmp_path: str(tmp_path / "socket")),
    "api-bind-to": Change(lambda _: f"127.0.0.1:{free_port()}"),
    "api-token-file": Change(a_token, {"api-bind-to": "127.0.0.1:1"}),
    "users": Change({"joe": {"secret": OTHER.hex()}}),
    "users-file": Change(lambda tmp_path: str(tmp_path / "users.toml")),
    "secrets": Change({"joe": OTHER.hex()}, {"secret": None}),
    "throttle.max-connections": Change(50, USERS),
    "throttle.check-interval": Change("9s", USERS),
    "domain-fronting.default-host": Change(SECRET.host, USERS),
    "domain-fronting.hosts": Change({SECRET.host: {"port": 444}}, USERS),
    "domain-fronting-port": Change(444, {"domain-fronting.port": None}, tells="domain-fronting.port"),
    "domain-fronting-ip": Change("127.0.0.2", {"domain-fronting.ip": None}, tells="domain-fronting.ip"),
    "domain-fronting-proxy-protocol": Change(True, tells="domain-fronting.proxy-protocol"),
    "tcp-buffer": Change("8kb"),
}
"""Each key of the file. A new key needs its line here, as whoever adds it has to say what a reload does with it."""


def keys(config: Struct, section: str = "") -> Iterator[str]:
    for name in config.__struct_fields__:
        value = getattr(config, name)
        key = f"{section}{name.replace('_', '-')}"
        if isinstance(value, Struct):
            yield from keys(value, f"{key}.")
        else:
            yield key


def test_every_key_can_be_changed_here() -> None:
    assert set(keys(Config())) == set(CHANGES)


def made(value: Any, tmp_path: Path) -> Any:
    return value(tmp_path) if callable(value) else value


NOT_FOR_NEW_CLIENTS = {"secrets", "proxy-protocol-listener", "secret", "bind-to", "network.proxies", "dc-overrides"}
"""With these, the clients of the test that come meanwhile wouldn't get where they want."""


@asynccontextmanager
async def load(around: Reloaded, streams: int, may_come: asyncio.Lock) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Streams that never rest, and clients that come and go all the time, one at a time while they have the lock."""

    async def talk(client: FakeTLSClient) -> None:
        while True:
            await check_echo(client)
            await asyncio.sleep(0)

    async def come_and_go() -> None:
        while True:
            async with may_come:
                (await around.client()).close()
            await asyncio.sleep(0)

    clients = [await around.client() for _ in range(streams)]
    tasks = [asyncio.create_task(talk(client)) for client in clients] + [asyncio.create_task(come_and_go())]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def check(tasks: list[asyncio.Task[None]]) -> None:
    """Check that none has failed."""
    for task in tasks:
        if task.done():
            task.result()


async def test_each_key_in_turn_under_load(tmp_path: Path) -> None:
    may_come = asyncio.Lock()
    async with reloaded(tmp_path) as around, load(around, 8, may_come) as tasks:
        for key, change in CHANGES.items():
            if key in NOT_FOR_NEW_CLIENTS:
                await may_come.acquire()
            wanted = {each: made(value, tmp_path) for each, value in {**change.beside, key: change.value}.items()}
            if change.value is REFUSED:
                wanted[key] = True
            result = await around.reload(wanted)
            check(tasks)
            if change.value is REFUSED:
                assert (result.is_applied, result.changed) == (False, ()), key
                assert key in result.problems[0]
                continue
            assert (result.is_applied, result.problems) == (True, ()), key
            told = result.unchangeable if key in UNCHANGEABLE else result.changed
            assert (change.tells or key) in told, (key, result)
            again = await around.reload()
            check(tasks)
            assert again.is_applied, (key, again)
            assert set(again.changed) == set(result.changed), key
            if key in NOT_FOR_NEW_CLIENTS:
                may_come.release()
        await around.client()
        assert len(around.app.status().listens) == 1
