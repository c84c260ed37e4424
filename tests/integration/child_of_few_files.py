"""A proxy that may open few files: prints its port, then each warning; ends with its input."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import sys
from typing import Any

import mtglib
from mtglib.noop import NoopLogger


class Printing(NoopLogger):
    """Prints warnings."""

    def named(self, name: str) -> Printing:
        return self

    def bind(self, **fields: Any) -> Printing:
        return self

    def warning(self, message: str, *, error: BaseException | None = None) -> None:
        sys.stdout.write(f"{message}\n")
        sys.stdout.flush()


async def main(relay: Any, key: str, dc_port: str, more_files: str) -> None:
    """Serve until the input ends."""
    secret = mtglib.Secret(bytes.fromhex(key), "front.example")
    overrides = {2: [f"127.0.0.1:{dc_port}"]}
    site = socket.create_server(("127.0.0.1", 0), backlog=512)  # silent: it accepts nobody
    options = mtglib.ProxyOpts.with_defaults(
        secret,
        relay=relay,
        dc_overrides=overrides,
        domain_fronting_ip="127.0.0.1",
        front_learning=None,
        domain_fronting_port=site.getsockname()[1],
        logger=Printing(),
    )
    stdin = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stdin.set)
    with site, socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        async with mtglib.Proxy(options) as proxy:
            serving = asyncio.create_task(proxy.serve(listener))
            limit = max(map(int, os.listdir("/proc/self/fd"))) + int(more_files)
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            sys.stdout.write(f"{listener.getsockname()[1]}\n")
            sys.stdout.flush()
            await stdin.wait()
        await serving


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
