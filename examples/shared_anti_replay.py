"""Several proxies behind one address: what one has seen is a replay for all, since they share it in Redis or Valkey.

Give each the same secret and the same server. While the server is away each goes on by itself.

python examples/shared_anti_replay.py --redis redis://127.0.0.1:6379
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from contextlib import suppress
from typing import Any

import mtglib
from mtglib.antireplay import Redis


async def serve(secret: mtglib.Secret, listener: socket.socket, redis_url: str, **changes: Any) -> None:
    """Serve until cancelled; `changes` are attributes of `mtglib.ProxyOpts`."""
    # With directory=..., what this process has seen outlives it, also while the server is away.
    async with Redis(redis_url, remember_seconds=7 * 24 * 3600) as cache:
        options = mtglib.ProxyOpts.with_defaults(secret, anti_replay_cache=cache, **changes)
        async with mtglib.Proxy(options) as proxy:
            await proxy.serve(listener)


def main() -> None:
    """Show the link of the given secret, or of a new one, and serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--secret", help="the fleet's; if it has none yet, one is made")
    parser.add_argument("--host", default="www.example.com", help="the site to show to visitors, for a new secret")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--redis", default="redis://127.0.0.1:6379", help="where the fleet's server is")
    arguments = parser.parse_args()
    secret = mtglib.Secret.parse(arguments.secret) if arguments.secret else mtglib.Secret.generate(arguments.host)
    with socket.create_server(("", arguments.port)) as listener, suppress(KeyboardInterrupt):
        port = listener.getsockname()[1]
        print(f"tg://proxy?server=127.0.0.1&port={port}&secret={secret.hex()}", flush=True)
        asyncio.run(serve(secret, listener, arguments.redis))


if __name__ == "__main__":
    main()
