"""The proxy's messages in an application's own log, which the standard library's `logging` writes.

python examples/own_log.py --host www.example.com --port 8443
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import socket
import sys
from contextlib import suppress
from typing import Any

import mtglib
from mtglib.logger import Standard


async def serve(secret: mtglib.Secret, listener: socket.socket, log: logging.Logger, **changes: Any) -> None:
    """Serve until cancelled; `changes` are attributes of `mtglib.ProxyOpts`."""
    options = mtglib.ProxyOpts.with_defaults(secret, logger=Standard(log), **changes)
    async with mtglib.Proxy(options) as proxy:
        await proxy.serve(listener)


def main() -> None:
    """Make a secret, show the link, serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="www.example.com", help="the site to show to visitors")
    parser.add_argument("--port", type=int, default=8443)
    arguments = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(name)s: %(message)s", level=logging.INFO, stream=sys.stdout)
    secret = mtglib.Secret.generate(arguments.host)
    with socket.create_server(("", arguments.port)) as listener, suppress(KeyboardInterrupt):
        port = listener.getsockname()[1]
        print(f"tg://proxy?server=127.0.0.1&port={port}&secret={secret.hex()}", flush=True)
        asyncio.run(serve(secret, listener, logging.getLogger("app")))


if __name__ == "__main__":
    main()
