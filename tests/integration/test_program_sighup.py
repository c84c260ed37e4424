"""`kill -HUP`: the program reads its file again, as an operator would see it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import mtglib
from integration.reloaded import check_echo
from support.fake_dc import FakeDC
from support.faketls_client import FakeTLSClient
from support.ports import free_port
from support.program import Program

SECRET = mtglib.Secret(bytes(range(16)), "front.example")
OTHER = mtglib.Secret(bytes(range(1, 17)), "front.example")


class Running:
    """A program whose file can be written again."""

    def __init__(self, path: Path, dc: FakeDC) -> None:
        self.path = path
        self.port = free_port()
        self._dc = dc

    def write(self, secret: mtglib.Secret = SECRET, *lines: str) -> None:
        """Write the file."""
        text = [f'secret = "{secret.hex()}"', f'bind-to = "127.0.0.1:{self.port}"', *lines]
        self.path.write_text("\n".join([*text, f'dc-overrides = {{ "2" = ["{self._dc.address}"] }}']))
        self.path.chmod(0o600)

    async def client(self, secret: mtglib.Secret = SECRET) -> FakeTLSClient:
        """Connect a client, and see that it reaches its DC."""
        client = await FakeTLSClient.connect("127.0.0.1", self.port, secret)
        await check_echo(client)
        return client


@asynccontextmanager
async def running(tmp_path: Path) -> AsyncIterator[tuple[Program, Running]]:
    async with asyncio.timeout(40), FakeDC() as dc:
        around = Running(tmp_path / "mtg.toml", dc)
        around.write()
        with Program("run", around.path) as program:
            await asyncio.to_thread(program.started)
            yield program, around
            program.send(signal.SIGTERM)
            assert (await asyncio.to_thread(program.wait))[0] == 0


async def hung_up(program: Program, message: str) -> dict[str, object]:
    """Send SIGHUP, and wait for this line of the log."""
    program.send(signal.SIGHUP)
    return await asyncio.to_thread(program.read_until, message)


async def test_another_secret_is_used_and_streams_go_on(tmp_path: Path) -> None:
    async with running(tmp_path) as (program, around):
        old = await around.client()
        around.write(OTHER, 'log-level = "info"')
        line = await hung_up(program, "the configuration was read again")
        assert line["changed"] == ["log-level", "secret"]
        async with old, await around.client(OTHER) as new:
            await check_echo(old)
            await check_echo(new)
        await asyncio.to_thread(program.read_until, "finished")  # as log-level asks for now


async def test_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as (program, around):
        around.write(OTHER, "concurrency = 0", "no-such-key = 1")
        await hung_up(program, "reload: nothing has changed")
        told = [line["message"] for line in program.log]
        assert sum(f"reload: {around.path}: " in message for message in told) == 2
        (await around.client()).close()
        around.path.write_text("no toml")
        await hung_up(program, f"reload: {around.path}")
        around.path.unlink()
        await hung_up(program, f"reload: {around.path}: ")
        (await around.client()).close()
