"""An event stream of your own: it counts, and says what it has counted when the proxy ends.

An event stream is one plain method that must not block: count, or put the event into a queue.

python examples/own_event_stream.py --host www.example.com
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from collections import Counter
from contextlib import suppress
from typing import Any

import mtglib


class Counts:
    """Counts what happens. `now` can go down again, `total` can't."""

    def __init__(self) -> None:
        self.now: Counter[str] = Counter()
        self.total: Counter[str] = Counter()

    def send(self, event: mtglib.Event) -> None:
        """Take an event."""
        match event:
            case mtglib.EventStart():
                self.now["connections"] += 1
                self.total["connections"] += 1
            case mtglib.EventConnectedToDC(dc=dc):
                self.total[f"connections to DC {dc}"] += 1
            case mtglib.EventDomainFronting():
                self.total["visitors who were shown the site"] += 1
            case mtglib.EventTraffic(traffic_bytes=count, is_read=is_read):
                self.total["bytes to clients" if is_read else "bytes from clients"] += count
            case mtglib.EventReplayAttack():
                self.total["replays"] += 1
            case mtglib.EventFinish():
                self.now["connections"] -= 1
            case mtglib.EventConcurrencyLimited() | mtglib.EventIPBlocklisted():
                self.total["connections refused"] += 1

    def lines(self) -> list[str]:
        """What was counted, in words."""
        return [f"{count:>12} {what}" for what, count in sorted(self.total.items())]


async def serve(secret: mtglib.Secret, listener: socket.socket, counts: Counts, **changes: Any) -> None:
    """Serve until cancelled; `changes` are attributes of `mtglib.ProxyOpts`."""
    options = mtglib.ProxyOpts.with_defaults(secret, event_stream=counts, **changes)
    async with mtglib.Proxy(options) as proxy:
        await proxy.serve(listener)


def main() -> None:
    """Make a secret, show the link, serve until Ctrl-C, show the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="www.example.com", help="the site to show to visitors")
    parser.add_argument("--port", type=int, default=8443)
    arguments = parser.parse_args()
    secret = mtglib.Secret.generate(arguments.host)
    counts = Counts()
    with socket.create_server(("", arguments.port)) as listener, suppress(KeyboardInterrupt):
        port = listener.getsockname()[1]
        print(f"tg://proxy?server=127.0.0.1&port={port}&secret={secret.hex()}", flush=True)
        asyncio.run(serve(secret, listener, counts))
    print("\n".join(counts.lines()))


if __name__ == "__main__":
    main()
