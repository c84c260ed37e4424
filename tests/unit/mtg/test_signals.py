"""Signals call the methods of the running program; `tests/integration/test_program_*` send them to a process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import mtglib
from mtg.app import App
from mtg.build import Parts, build_parts
from mtg.config import config_from_table
from mtg.last_resort import LastResort
from mtg.signals import handling_signals
from mtglib.ipblocklist import FireHOL
from mtglib.noop import NoopLogger

SECRET = mtglib.Secret(bytes(range(16)), "front.example")


@pytest.fixture(autouse=True)
def hangups() -> Iterator[None]:
    """What SIGHUP does is as before afterwards."""
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


def built(path: Path) -> Parts:
    table = {
        "secret": SECRET.hex(),
        "bind-to": "127.0.0.1:0",
        "network": {"dns": ""},
        "defense": {"blocklist": {"enabled": True, "urls": [str(path)]}},
    }
    return build_parts(config_from_table(table, source="test"), logger=NoopLogger())


async def test_sighup_reads_lists_again_until_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    updated = asyncio.Event()

    async def update(_: FireHOL) -> None:
        updated.set()

    app, logger = App(built(tmp_path / "list")), NoopLogger()
    async with asyncio.timeout(20):
        with handling_signals(app, LastResort(logger), logger):
            await app.start()
            monkeypatch.setattr(FireHOL, "update", update)
            os.kill(os.getpid(), signal.SIGHUP)
            await updated.wait()
            await app.stop()
    os.kill(os.getpid(), signal.SIGHUP)  # is ignored
