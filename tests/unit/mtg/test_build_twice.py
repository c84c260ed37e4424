"""A configuration is built without a trace outside of the process, so that a second one can be built beside a first."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from pathlib import Path
from typing import Any

import mtglib
from mtg.app import App, Phase
from mtg.build import Parts, build_parts
from mtg.config import config_from_table
from mtglib.noop import NoopLogger
from support.ports import free_port

SECRET = mtglib.Secret(bytes(range(16)), "front.example")
OWN = ("options", "resolver", "fanout", "prometheus", "statsd", "replay_memory")


def everything(directory: Path, port: int, **keys: Any) -> dict[str, Any]:
    """A table that asks for each part, in places that all can't be used twice at once."""
    return {
        "secret": SECRET.hex(),
        "bind-to": [f"127.0.0.1:{port}", f"unix:{directory}/socket"],
        "state-directory": str(directory / "state"),
        "network": {"dns": "https://127.0.0.1:1", "proxies": ["socks5://127.0.0.1:1", ""]},
        "defense": {
            "cache-directory": str(directory / "cache"),
            "blocklist": {"enabled": True, "urls": ["http://127.0.0.1:1/", "/list"]},
            "allowlist": {"enabled": True, "urls": ["/list"]},
        },
        "stats": {
            "prometheus": {"enabled": True, "bind-to": f"127.0.0.1:{port + 1}"},
            "statsd": {"enabled": True, "address": "127.0.0.1:1"},
        },
        **keys,
    }


def build(table: dict[str, Any]) -> Parts:
    return build_parts(config_from_table(table, source="test"), logger=NoopLogger())


def traces(directory: Path) -> tuple[Any, ...]:
    descriptors = sorted(os.listdir("/proc/self/fd"))
    handlers = [signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)]
    return descriptors, sorted(directory.rglob("*")), set(threading.enumerate()), handlers


def test_building_leaves_no_trace(tmp_path: Path) -> None:
    build(everything(tmp_path, 40_000))  # what is imported late is open for a moment
    before = traces(tmp_path)

    kept = [build(everything(tmp_path, 40_000)) for _ in range(3)]

    assert traces(tmp_path) == before
    assert len(kept) == 3


def test_two_of_one_configuration_are_equal_in_it_and_share_no_part(tmp_path: Path) -> None:
    one, other = (build(everything(tmp_path, 40_000)) for _ in range(2))

    assert one.config == other.config
    assert (one.listens, one.metrics_listens, one.warnings) == (other.listens, other.metrics_listens, other.warnings)
    assert {name for name in OWN if getattr(one, name) is getattr(other, name)} == set()
    assert not {id(ip_list) for ip_list, _ in one.ip_lists} & {id(ip_list) for ip_list, _ in other.ip_lists}


def test_two_configurations_differ_in_what_was_changed(tmp_path: Path) -> None:
    one = build(everything(tmp_path, 40_000)).config
    other = build(everything(tmp_path, 40_000, concurrency=5)).config

    names = [field for field in one.__struct_fields__ if getattr(one, field) != getattr(other, field)]
    assert names == ["concurrency"]


def test_no_secret_is_in_its_repr(tmp_path: Path) -> None:
    proxies = {"network": {"proxies": ["socks5://joe:hush@127.0.0.1:1"]}}
    text = repr(build(everything(tmp_path, 40_000, **proxies)))

    assert SECRET.key.hex() not in text
    assert repr(SECRET.key) not in text
    assert "hush" not in text


async def test_a_second_one_is_built_beside_a_running_one_and_takes_its_place(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("192.0.2.0/24\n")
    lists = {"allowlist": {"enabled": True, "urls": [str(tmp_path / "list")]}}
    table = everything(tmp_path, free_port(), defense=lists, stats={}, network={"dns": ""})
    first = App(build(table))
    async with asyncio.timeout(20):
        await first.start()
        second = App(build(table))
        assert (first.status().phase, second.status().phase) == (Phase.RUNNING, Phase.NEW)
        assert await first.stop(0) == 0
        await second.start()
        assert second.status().listens == first.status().listens
        assert await second.stop(0) == 0
