"""Lists of addresses to turn away: netsets as FireHOL publishes them, kept fresh while the proxy serves.

Copies are kept on disk, so that a restart blocks from its first connection on, also without a network.

python examples/block_lists.py https://iplists.firehol.org/files/firehol_level1.netset /etc/mtg/my.netset
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import mtglib
from mtglib.ipblocklist import FireHOL
from mtglib.network import Direct

UPDATE_EACH_SECONDS = 24 * 3600.0


async def serve(
    secret: mtglib.Secret, listener: socket.socket, urls: Sequence[str], copies: Path | None = None, **changes: Any
) -> None:
    """Serve until cancelled; `changes` are attributes of `mtglib.ProxyOpts`."""
    network = Direct()
    blocklist = FireHOL(urls, network=network, cache_directory=copies)
    await blocklist.load()
    options = mtglib.ProxyOpts.with_defaults(secret, network=network, ip_blocklist=blocklist, **changes)
    # A list is nobody's but ours: the proxy asks it, and we keep it fresh.
    async with mtglib.Proxy(options) as proxy, asyncio.TaskGroup() as tasks:
        tasks.create_task(blocklist.run(UPDATE_EACH_SECONDS))
        await proxy.serve(listener)
        await blocklist.shutdown()


def main() -> None:
    """Make a secret, show the link, serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="www.example.com", help="the site to show to visitors")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--copies", type=Path, default=Path("ip-lists"), help="a folder for copies of downloads")
    parser.add_argument(
        "urls", nargs="*", default=[str(Path("my.netset").absolute())], help="URLs or absolute paths of netsets"
    )
    arguments = parser.parse_args()
    secret = mtglib.Secret.generate(arguments.host)
    with socket.create_server(("", arguments.port)) as listener, suppress(KeyboardInterrupt):
        port = listener.getsockname()[1]
        print(f"tg://proxy?server=127.0.0.1&port={port}&secret={secret.hex()}", flush=True)
        asyncio.run(serve(secret, listener, arguments.urls, arguments.copies))


if __name__ == "__main__":
    main()
