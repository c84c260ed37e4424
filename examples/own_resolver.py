"""A resolver of your own: names from a table, all others from a DNS server over TLS.

Here it tells the proxy where the fronting site is, in a network whose names no public server knows. A resolver belongs
to the event loop that it is used in, and whoever made it closes it.

python examples/own_resolver.py --host www.example.com --port 8443
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Any

import mtglib
from mtglib.network import Answer, Direct, Resolver, resolver_from_url


class TableFirst:
    """Any object with this method is a `Resolver`."""

    def __init__(self, table: Mapping[str, str], otherwise: Resolver) -> None:
        self._table = table
        self._otherwise = otherwise

    async def resolve(self, host: str, port: int) -> list[Answer]:
        """Return address families and addresses, as `socket.connect` takes them."""
        if host in self._table:
            return [(socket.AF_INET, (self._table[host], port))]
        return await self._otherwise.resolve(host, port)


async def serve(secret: mtglib.Secret, listener: socket.socket, table: Mapping[str, str], **changes: Any) -> None:
    """Serve until cancelled; `changes` are attributes of `mtglib.ProxyOpts`."""
    async with aclosing(resolver_from_url("tls://9.9.9.9")) as server:
        network = Direct(resolver=TableFirst(table, server))
        async with mtglib.Proxy(mtglib.ProxyOpts.with_defaults(secret, network=network, **changes)) as proxy:
            await proxy.serve(listener)


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
        asyncio.run(serve(secret, listener, {"www.example.com": "192.0.2.10"}))


if __name__ == "__main__":
    main()
