"""A program whose configuration a test changes and reads again, between clients, a data centre and a site."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mtglib
from integration.recording_logger import RecordingLogger
from integration.stage import check_fds, open_fds
from mtg.app import App
from mtg.build import build_parts
from mtg.config import Loaded, config_from_table
from mtg.reload import Rebuild, ReloadResult
from support import sockets
from support.fake_dc import FakeDC
from support.faketls_client import ClientOptions, FakeTLSClient
from support.front import RecordingFront, listen_only
from support.ports import free_port

SECRET = mtglib.Secret(bytes(range(16)), "front.example")


@dataclass
class Reloaded:
    """The running program and what is around it.

    Attributes:
        app: The program.
        base: The configuration it was started with, as a table.
        table: The one that the next reload reads.
        secret: The one that new clients have.
    """

    app: App
    base: dict[str, Any]
    table: dict[str, Any]
    dc: FakeDC
    site: RecordingFront
    log: RecordingLogger
    peers: AsyncExitStack = field(repr=False)
    secret: mtglib.Secret = SECRET

    @property
    def port(self) -> int:
        """Where the program listened at first."""
        return int(self.base["bind-to"].rpartition(":")[2])

    async def reload(self, changes: Mapping[str, Any] | None = None) -> ReloadResult:
        """Reload the base configuration with these keys changed, or removed where the value is None."""
        self.table = deepcopy(self.base)
        for key, value in (changes or {}).items():
            *sections, name = key.split(".")
            place = self.table
            for section in sections:
                place = place.setdefault(section, {})
            if value is None:
                place.pop(name, None)
            else:
                place[name] = value
        return await self.app.reload()

    async def client(self, port: int | None = None, **options: Any) -> FakeTLSClient:
        """Connect a client, and see that it reaches its DC."""
        made = await FakeTLSClient.connect(
            "127.0.0.1", port or self.port, self.secret, options=ClientOptions(**options)
        )
        await self.peers.enter_async_context(made)
        await check_echo(made)
        return made

    async def stranger(self, data: bytes = b"", port: int | None = None) -> socket.socket:
        """Connect without any protocol, and send this."""
        sock = await sockets.connect("127.0.0.1", port or self.port)
        self.peers.callback(sockets.close, sock)
        await sockets.send_all(sock, data)
        return sock


async def check_echo(client: FakeTLSClient) -> None:
    await client.send(b"in")
    assert await client.recv_exactly(2) == b"in"


@asynccontextmanager
async def reloaded(tmp_path: Path, *, limit_seconds: float = 100.0, **changes: Any) -> AsyncIterator[Reloaded]:
    """Run the program; `changes` are top-level keys of its configuration."""
    fds_before = open_fds()
    async with asyncio.timeout(limit_seconds), AsyncExitStack() as stack:
        dc = await stack.enter_async_context(FakeDC())
        site = await stack.enter_async_context(RecordingFront(listen_only))
        base: dict[str, Any] = {
            "secret": SECRET.hex(),
            "bind-to": f"127.0.0.1:{free_port()}",
            "state-directory": str(tmp_path / "state"),
            "network": {"dns": ""},
            "domain-fronting": {"ip": "127.0.0.1", "port": site.port},
            "dc-overrides": {"2": [dc.address]},
            "defense": {"front-learning": {"enabled": False}, "cache-directory": str(tmp_path / "cache")},
            **changes,
        }
        log = RecordingLogger()
        loaded = config_from_table(base, source="mtg.toml")
        around: Reloaded

        def read() -> Loaded:
            return config_from_table(around.table, source="mtg.toml")

        rebuild = Rebuild(read, lambda loaded, earlier: build_parts(loaded, logger=log, previous=earlier))
        app = App(build_parts(loaded, logger=log), rebuild=rebuild)
        around = Reloaded(app, base, base, dc, site, log, AsyncExitStack())
        await app.start()
        try:
            async with around.peers:
                yield around
        finally:
            await app.stop(0)
    assert SECRET.hex() not in log.everything()
    await check_fds(fds_before)
