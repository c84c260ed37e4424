"""Telegram is reached through SOCKS5 proxies: several share the load, and one that fails is left alone for a while.

python examples/through_socks5.py --proxy socks5://user:password@proxy.example.net:1080 --proxy socks5://192.0.2.1
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import mtglib
from mtglib.network import Direct, from_urls


async def serve(secret: mtglib.Secret, listener: socket.socket, proxy_urls: Sequence[str], **changes: Any) -> None:
    """Serve until cancelled; `changes` are attributes of `mtglib.ProxyOpts`."""
    direct = Direct()
    # Visitors are shown the fronting site without a detour.
    options = mtglib.ProxyOpts.with_defaults(
        secret, network=from_urls(proxy_urls, base=direct), front_network=direct, **changes
    )
    async with mtglib.Proxy(options) as proxy:
        await proxy.serve(listener)


def main() -> None:
    """Make a secret, show the link, serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="www.example.com", help="the site to show to visitors")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--proxy", action="append", help="a SOCKS5 proxy; may be given several times")
    arguments = parser.parse_args()
    secret = mtglib.Secret.generate(arguments.host)
    with socket.create_server(("", arguments.port)) as listener, suppress(KeyboardInterrupt):
        port = listener.getsockname()[1]
        print(f"tg://proxy?server=127.0.0.1&port={port}&secret={secret.hex()}", flush=True)
        asyncio.run(serve(secret, listener, arguments.proxy or ["socks5://127.0.0.1:1080"]))


if __name__ == "__main__":
    main()
