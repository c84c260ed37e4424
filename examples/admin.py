"""Live connections, listed and ended from the terminal: type `list`, or `end` and a connection's id.

python examples/admin.py --host www.example.com --port 8443
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import mtglib


def answer(proxy: mtglib.Proxy, line: str) -> str:
    """Do what a line asks for, and return what to print."""
    match line.split():
        case ["list"]:
            return "\n".join(map(describe, proxy.connections())) or "there are no connections"
        case ["end", stream_id]:
            return "ended" if proxy.end(stream_id) else "there is no such connection"
        case []:
            return ""
    return "type `list`, or `end` and a connection's id"


def describe(connection: mtglib.Connection) -> str:
    """Describe a connection in a line: id, since when, who, where to, bytes in each direction."""
    seconds = time.time() - connection.since_unix
    who = connection.user or "a visitor"
    where = f"DC {connection.dc}" if connection.state is mtglib.State.TELEGRAM else connection.state
    client = "-" if connection.client is None else connection.client.ip
    up, down = connection.from_client_bytes, connection.to_client_bytes
    return f"{connection.stream_id}  {seconds:.0f} s  {who} from {client}  {where}  {up} up, {down} down"


async def lines_of_stdin() -> AsyncIterator[str]:
    """Yield what is typed, line by line; a thread reads it, so that nobody waits for it."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str]()

    def read() -> None:
        with suppress(RuntimeError):  # the event loop has been closed
            for line in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield await lines.get()


async def listen_to(proxy: mtglib.Proxy, lines: AsyncIterator[str]) -> None:
    """Answer each line."""
    async for line in lines:
        print(answer(proxy, line), flush=True)


async def serve(
    secret: mtglib.Secret, listener: socket.socket, lines: AsyncIterator[str] | None = None, **changes: Any
) -> None:
    """Serve until cancelled, and answer lines; `changes` are attributes of `mtglib.ProxyOpts`."""
    async with mtglib.Proxy(mtglib.ProxyOpts.with_defaults(secret, **changes)) as proxy, asyncio.TaskGroup() as group:
        listening = group.create_task(listen_to(proxy, lines or lines_of_stdin()))
        await proxy.serve(listener)
        listening.cancel()


def main() -> None:
    """Make a secret, show the link, serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="www.example.com", help="the site to show to visitors")
    parser.add_argument("--port", type=int, default=8443)
    arguments = parser.parse_args()
    secret = mtglib.Secret.generate(arguments.host)
    with socket.create_server(("", arguments.port)) as listener, suppress(KeyboardInterrupt):
        port = listener.getsockname()[1]
        print(f"tg://proxy?server=127.0.0.1&port={port}&secret={secret.hex()}", flush=True)
        asyncio.run(serve(secret, listener))


if __name__ == "__main__":
    main()
