"""The example of block lists, as a part of an application that ends before its process does."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from examples import block_lists

import mtglib
from support.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


async def test_the_example_ends_when_its_proxy_is_shut_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (netset := tmp_path / "my.netset").write_text("192.0.2.0/24\n")
    made: list[mtglib.Proxy] = []

    class Proxy(mtglib.Proxy):
        """A proxy that somebody else can get at, once it is there."""

        def __init__(self, options: mtglib.ProxyOpts) -> None:
            super().__init__(options)
            made.append(self)

    monkeypatch.setattr(mtglib, "Proxy", Proxy)
    before = asyncio.all_tasks()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(
            block_lists.serve(mtglib.Secret.generate("front.example"), listener, [str(netset)])
        )
        await eventually(lambda: made)
        await made[0].shutdown()
        async with asyncio.timeout(20):
            await serving

    assert asyncio.all_tasks() == before
