"""What a flood of visitors writes to the program's log: a line a minute, and none for each of them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import pytest

import mtglib
from support import sockets
from support.client_hello import build_client_hello, hello_records, sign_hello
from support.front import RecordingFront, answer_then_eof
from support.ports import free_port
from support.program import Program, write
from support.secrets import PeerSecret
from support.without_engine import IMPORT_NOTHING_NATIVE

SECRET = mtglib.Secret(os.urandom(16), "front.example")
VISITORS = 3000
ROOM = 40
AT_ONCE = 2 * ROOM  # more than there is room for, so that visitors make room as well
ADDRESSES = [f"127.1.{number}.1" for number in range(200)]
MOST_LOG_BYTES = 4096  # a line for each would be half a megabyte
WITHOUT_ENGINE = f"{IMPORT_NOTHING_NATIVE}; from mtg.cli import main; main()"


def firsts() -> list[bytes]:
    """What visitors begin with; the first one may still become a client, so that a dead site doesn't end it."""
    hello = build_client_hello(SECRET.host)
    return [
        b"\x16",
        b"GET / HTTP/1.1\r\n\r\n",
        hello_records(sign_hello(hello, PeerSecret.random().key, int(time.time()))),
        hello_records(sign_hello(hello, SECRET.key, int(time.time()) - 86400)),  # recorded yesterday
    ]


async def visit(port: int, address: str, first: bytes) -> None:
    """Come from an address of this machine, send this, and stay until the proxy ends it."""
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.bind((address, 0))
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        await sockets.send_all(sock, first)
        await sockets.recv_until_end(sock)


async def flood(port: int, kinds: Sequence[bytes]) -> None:
    visits = iter([*zip(range(VISITORS), cycle(ADDRESSES), cycle(kinds), strict=False)])

    async def worker() -> None:
        for _, address, first in visits:
            await visit(port, address, first)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(worker())


@pytest.mark.parametrize("has_site", [True, False], ids=["a site", "no site"])
@pytest.mark.parametrize("start", [("-m", "mtg"), ("-c", WITHOUT_ENGINE)], ids=["native", "pure"])
async def test_a_flood_writes_a_few_lines(tmp_path: Path, start: tuple[str, str], has_site: bool) -> None:
    async with RecordingFront(answer_then_eof(b"bye")) as site:
        text = f'secret = "{SECRET.hex()}"\nbind-to = "127.0.0.1:0"\nlog-level = "info"\nconcurrency = {ROOM}\n'
        text += f'[domain-fronting]\nip = "127.0.0.1"\nport = {site.port if has_site else free_port()}\n'
        with Program("run", write(tmp_path, text), start=start) as program:
            await flood(program.started(), firsts() if has_site else firsts()[1:])
            program.send(signal.SIGTERM)
            assert (await asyncio.to_thread(program.wait))[0] == 0

    sums = [line["visitors"] for line in program.log if line["message"] == "visitors of the last minute"]
    assert sum(sums) == VISITORS, program.log
    written_bytes = sum(len(json.dumps(line)) for line in program.log)
    assert written_bytes < MOST_LOG_BYTES, program.log[:50]
