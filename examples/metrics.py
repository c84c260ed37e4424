"""A proxy with statistics: for Prometheus over HTTP, and for a statsd server if you name one.

python examples/metrics.py --host www.example.com --metrics-port 9100
curl http://127.0.0.1:9100/
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from contextlib import AsyncExitStack, suppress
from typing import Any

import mtglib
from mtglib.events import Fanout
from mtglib.stats import Prometheus, Statsd, process_samples


async def serve(
    secret: mtglib.Secret,
    listener: socket.socket,
    metrics_listener: socket.socket,
    statsd_address: tuple[str, int] | None = None,
    **changes: Any,
) -> None:
    """Serve until cancelled; `changes` are attributes of `mtglib.ProxyOpts`."""
    prometheus = Prometheus()
    statsd = [Statsd(*statsd_address)] if statsd_address is not None else []
    observers: list[Prometheus | Statsd] = [prometheus, *statsd]
    fanout = Fanout(observers)
    proxy = mtglib.Proxy(mtglib.ProxyOpts.with_defaults(secret, event_stream=fanout, **changes))
    for statistics in observers:  # what no event tells
        # What observers missed, and what never got to the fan-out.
        statistics.sample("events_dropped", lambda: fanout.dropped + proxy.events_dropped)
        statistics.sample("engine_connections", lambda: proxy.engine_connections)
        for name, function in process_samples().items():
            statistics.sample(name, function)
    async with AsyncExitStack() as stack:
        # The last one ends first: no more events, then all are delivered, then the last numbers are sent.
        for observer in statsd:
            await stack.enter_async_context(observer)
        await stack.enter_async_context(fanout)
        await stack.enter_async_context(proxy)
        async with asyncio.TaskGroup() as group:
            page = group.create_task(prometheus.serve(metrics_listener))
            await proxy.serve(listener)
            page.cancel()


def main() -> None:
    """Make a secret, show the link, serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="www.example.com", help="the site to show to visitors")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--metrics-port", type=int, default=0, help="where Prometheus asks, on 127.0.0.1; 0: any")
    parser.add_argument("--statsd", metavar="HOST:PORT", help="a statsd server")
    arguments = parser.parse_args()
    secret = mtglib.Secret.generate(arguments.host)
    host, _, port = (arguments.statsd or "").rpartition(":")
    statsd_address = (host, int(port)) if arguments.statsd else None
    with (
        socket.create_server(("", arguments.port)) as listener,
        socket.create_server(("127.0.0.1", arguments.metrics_port)) as metrics_listener,
        suppress(KeyboardInterrupt),
    ):
        print(f"tg://proxy?server=127.0.0.1&port={listener.getsockname()[1]}&secret={secret.hex()}", flush=True)
        print(f"http://127.0.0.1:{metrics_listener.getsockname()[1]}/", flush=True)
        asyncio.run(serve(secret, listener, metrics_listener, statsd_address))


if __name__ == "__main__":
    main()
