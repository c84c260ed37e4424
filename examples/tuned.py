"""Parts that come with mtglib, set by hand: a small cache, names over HTTPS, socket options, a log of networks only.

python examples/tuned.py --host www.example.com --port 8443 --dns https://9.9.9.9
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from contextlib import suppress
from typing import Any

import mtglib
from mtglib.antireplay import StableBloom
from mtglib.logger import make_logger
from mtglib.network import Direct, KeepAlive, SocketOptions, resolver_from_url


async def serve(secret: mtglib.Secret, listener: socket.socket, dns: str, **changes: Any) -> None:
    """Serve until cancelled; `changes` are attributes of `mtglib.ProxyOpts`."""
    # JSON lines on stderr, or coloured ones on a terminal.
    logger = make_logger(mask_client_addresses=True)
    # Dead peers are found after 60 s + 3 * 10 s; what may wait unsent is less than usual.
    socket_options = SocketOptions(
        keep_alive=KeepAlive(idle_seconds=60, interval_seconds=10, count=3), not_sent_low_water_bytes=64 * 1024
    )
    # Connections inherit them; keep-alive itself is switched on once it is known that this is a client.
    socket_options.apply(listener, logger)
    resolver = resolver_from_url(dns)
    options = mtglib.ProxyOpts.with_defaults(
        secret,
        network=Direct(resolver=resolver, socket_options=socket_options, logger=logger),
        front_network=Direct(
            resolver=resolver, socket_options=SocketOptions(keep_alive=None, congestion_control=None), logger=logger
        ),
        anti_replay_cache=StableBloom(max_size_bytes=256 * 1024, error_rate=0.001),
        logger=logger,
        **changes,
    )
    try:
        async with mtglib.Proxy(options) as proxy:
            await proxy.serve(listener)
    finally:
        await resolver.aclose()


def main() -> None:
    """Make a secret, show the link, serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="www.example.com", help="the site to show to visitors")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--dns", default="https://9.9.9.9", help="https://, tls:// or udp:// and a server")
    arguments = parser.parse_args()
    secret = mtglib.Secret.generate(arguments.host)
    with socket.create_server(("", arguments.port)) as listener, suppress(KeyboardInterrupt):
        port = listener.getsockname()[1]
        print(f"tg://proxy?server=127.0.0.1&port={port}&secret={secret.hex()}", flush=True)
        asyncio.run(serve(secret, listener, arguments.dns))


if __name__ == "__main__":
    main()
