"""The Python programs in the documentation serve a client, as they are."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest

import mtglib
from docs.pages import blocks
from support.faketls_client import FakeTLSClient

PROGRAMS = dict(blocks("python"))
SECRET = mtglib.Secret(bytes(range(16)), "www.example.com")


@pytest.mark.parametrize("name", PROGRAMS)
async def test_program_in_the_documentation_answers_a_client(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mains: list[Coroutine[Any, Any, None]] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr(mtglib.Secret, "generate", lambda host: SECRET)
        monkeypatch.setattr(asyncio, "run", mains.append)
        exec(compile(PROGRAMS[name], name, "exec", dont_inherit=True), {"__name__": "__main__"})
        if not mains:
            return  # a part alone, which was made and given to ProxyOpts
        address = listener.getsockname()
        monkeypatch.setattr(socket, "create_server", lambda _: listener)
        serving = asyncio.create_task(mains[0])
        try:
            await visit(address[1])
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving


async def visit(port: int) -> None:
    """Shake hands; no more, as the data centres that the program knows are the real ones."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setblocking(False)
    async with FakeTLSClient(sock, SECRET) as client:
        await client.send_hello()
        await client.receive_answer()
