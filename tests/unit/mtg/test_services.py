"""The parts' lives around the proxy's: what is ready before it serves, and what is over when it has ended."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtg.build import Parts, build_parts
from mtg.config import config_from_table
from mtg.services import running_services
from mtg.user_error import UserError
from mtglib.antireplay import Exact
from mtglib.ipblocklist import FireHOL
from mtglib.noop import NoopLogger
from mtglib.stats import Prometheus, Statsd
from support.eventually import eventually

SECRET = mtglib.Secret(bytes(range(16)), "front.example")
CLIENT = ip_address("192.0.2.7")


class Told(NoopLogger):
    """Keeps warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.told = asyncio.Event()

    def warning(self, message: str, *, error: BaseException | None = None) -> None:
        self.warnings.append(f"{message}: {error}")
        self.told.set()


def parts(*, logger: mtglib.Logger = NoopLogger(), **table: Any) -> Parts:  # noqa: B008
    whole = {"secret": SECRET.hex(), "bind-to": "127.0.0.1:1", "network": {"dns": ""}, **table}
    return build_parts(config_from_table(whole, source="test"), logger=logger)


def with_allowlist(path: Path, update_each_seconds: float = 3600) -> tuple[Parts, FireHOL]:
    built = parts(defense={"allowlist": {"enabled": True, "urls": [str(path)]}})
    ((ip_list, _),) = built.ip_lists
    return replace(built, ip_lists=((ip_list, update_each_seconds),)), ip_list


@asynccontextmanager
async def running(
    built: Parts, metrics: socket.socket | None = None, stop: asyncio.Event | None = None
) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(20), running_services(built, metrics, stop or asyncio.Event()):
            yield
    finally:
        if built.replay_memory is not None:
            await built.replay_memory.close()


async def until_changed(ip_list: FireHOL, *, contains: bool) -> None:
    await eventually(lambda: ip_list.contains(CLIENT) == contains)


async def test_lists_are_in_force_before_anything_is_served(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("192.0.2.0/24\n")
    built, ip_list = with_allowlist(path)
    async with running(built):
        assert ip_list.contains(CLIENT)


async def test_lists_are_read_again_each_period_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("192.0.2.0/24\n")
    built, ip_list = with_allowlist(path, update_each_seconds=0.001)
    async with running(built):
        path.write_text("198.51.100.0/24\n")
        await until_changed(ip_list, contains=False)  # perhaps in the first period, which begins at once
        path.write_text("192.0.2.0/24\n")
        await until_changed(ip_list, contains=True)
    assert not [task for task in asyncio.all_tasks() if "list" in task.get_name().lower()]


async def test_a_warning_says_which_list_has_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def fail(_: FireHOL, __: float) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(FireHOL, "run", fail)
    logger, settings = Told(), {"enabled": True, "urls": [str(tmp_path / "list")]}
    (tmp_path / "list").write_text("192.0.2.0/24\n")
    built = parts(logger=logger, defense={"blocklist": settings, "allowlist": settings})
    async with running(built):
        await eventually(lambda: len(logger.warnings) == 2)
    assert sorted(logger.warnings) == ["allowlist: has ended: a bug", "blocklist: has ended: a bug"]


async def test_metrics_end_when_the_proxy_stops() -> None:
    built, stop = parts(stats={"prometheus": {"enabled": True, "bind-to": "127.0.0.1:2"}}), asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with running(built, listener, stop):
            stop.set()
            await eventually(lambda: listener.fileno() == -1)


async def test_a_redis_that_is_away_is_told_at_the_start() -> None:
    pytest.importorskip("redis")
    logger = Told()
    built = parts(defense={"anti-replay": {"kind": "redis", "url": "redis://joe:hush@127.0.0.1:1"}}, logger=logger)
    async with running(built):
        (warning,) = logger.warnings
    assert "127.0.0.1:1" in warning
    assert "hush" not in warning


@pytest.mark.parametrize("kind", ["exact", "bloom"])
async def test_what_an_earlier_process_has_seen_is_known(tmp_path: Path, kind: str) -> None:
    table: dict[str, Any] = {"state-directory": str(tmp_path), "defense": {"anti-replay": {"kind": kind}}}
    for seen in (False, True):
        built = parts(**table)
        async with running(built):
            assert await built.options.anti_replay_cache.seen_before(b"a") is seen
            assert built.replay_memory is not None
            assert len(built.replay_memory) == 1


async def test_a_disk_that_does_not_answer_is_no_reason_to_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    async def wait(_: Exact) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Exact, "load", wait)
    logger = RecordingLogger()
    stop = asyncio.Event()  # set by the start: a disk that isn't anybody's choice is waited for after that
    async with asyncio.timeout(20), running_services(parts(logger=logger), None, stop, stop.set):
        pass
    assert logger.messages == [], "nothing is loaded"


async def test_another_process_in_the_state_directory_is_told_or_an_error(tmp_path: Path) -> None:
    logger = Told()
    one, two, three = (parts(logger=logger, **{"state-directory": str(tmp_path)}) for _ in range(3))
    two = replace(two, when_state_is_taken=None)
    async with running(one):
        async with running(two):
            assert len(logger.warnings) == 1
        started: list[str] = []
        with pytest.raises(UserError, match=r"^test: state-directory: expected a directory that no other") as raised:
            async with running_services(three, None, asyncio.Event(), lambda: started.append("three")):
                pass
        assert raised.value.exit_code == 2
        assert started == []
    assert [warning.partition(":")[0] for warning in logger.warnings] == ["state-directory"]


async def test_statsd_is_closed_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[object] = []
    close = Statsd.__aexit__

    async def watched(self: Statsd, *arguments: object) -> None:
        closed.append(self)
        await close(self, *arguments)

    monkeypatch.setattr(Statsd, "__aexit__", watched)
    built = parts(stats={"statsd": {"enabled": True, "address": "127.0.0.1:9"}})
    async with running(built):
        assert closed == []
    assert closed == [built.statsd]


async def test_the_resolver_is_closed_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    built = parts(network={"dns": "tls://127.0.0.1:1"})
    closed: list[bool] = []
    close = built.resolver.aclose

    async def watched() -> None:
        closed.append(True)
        await close()

    monkeypatch.setattr(built.resolver, "aclose", watched)
    async with running(built):
        assert closed == []
    assert closed == [True]


async def test_metrics_that_cannot_be_served_any_more_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = Told()

    async def serve(self: Prometheus, listener: socket.socket, path: str) -> None:
        raise OSError("broken")

    monkeypatch.setattr(Prometheus, "serve", serve)
    built = parts(stats={"prometheus": {"enabled": True, "bind-to": "127.0.0.1:2"}}, logger=logger)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with running(built, listener):
            await logger.told.wait()
            assert listener.fileno() == -1, "who comes now is refused"
            assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("end of")]
    assert logger.warnings == ["metrics: has ended: broken"]


async def test_usage_is_there_from_the_beginning_and_kept_at_the_end(tmp_path: Path) -> None:
    def with_users() -> Parts:
        users = {"ann": {"secret": SECRET.hex(), "quota": "1gb"}}
        table = {"bind-to": "127.0.0.1:1", "network": {"dns": ""}, "state-directory": str(tmp_path), "users": users}
        return build_parts(config_from_table(table, source="test"), logger=NoopLogger())

    built = with_users()
    async with running(built):
        (account,) = built.users.accounts
        account.usage.count_bytes(5, 7, 1_800_000_000.0)
    again = with_users()
    async with running(again):
        (account,) = again.users.accounts
        assert (account.usage.from_client_bytes, account.usage.to_client_bytes) == (5, 7)


async def test_without_users_no_file_of_usage_is_made(tmp_path: Path) -> None:
    table: dict[str, Any] = {"state-directory": str(tmp_path)}
    async with running(parts(**table)):
        pass
    assert not (tmp_path / "usage").exists()
