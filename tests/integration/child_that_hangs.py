"""The program, one of whose parts hangs: `python child_that_hangs.py PART ARGUMENTS...`; see `HANGS` for the parts."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import mtglib.relay.choice
from mtg.cli import main
from mtglib.antireplay import Redis
from mtglib.events import Fanout
from mtglib.ipblocklist import FireHOL
from mtglib.network import Direct
from mtglib.network.dns.resolver import DNSResolver
from mtglib.stats import Prometheus, Statsd


async def ignore_the_end(*_: object, **__: object) -> Any:
    """Catch every cancellation."""
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def hang(*_: object, **__: object) -> None:
    """Wait for what never comes, and end when told to."""
    await asyncio.Event().wait()


async def hang_in_a_thread(*_: object, **__: object) -> None:
    """Wait for a thread of the event loop's executor, for which the interpreter waits as well."""
    await asyncio.to_thread(time.sleep, 3600)


async def block(*_: object, **__: object) -> None:
    """Keep the event loop."""
    time.sleep(3600)


def replace(owner: type, method: str, by: Any) -> Callable[[], None]:
    return lambda: setattr(owner, method, by)


def leave_a_thread_behind() -> None:
    threading.Thread(target=time.sleep, args=(3600,)).start()


HANGS: dict[str, Callable[[], None]] = {
    "resolver": replace(DNSResolver, "aclose", hang),
    "resolver that ignores its end": replace(DNSResolver, "aclose", ignore_the_end),
    "redis": replace(Redis, "close", hang),
    "statsd": replace(Statsd, "__aexit__", hang),
    "delivery of events": replace(Fanout, "__aexit__", hang),
    "delivery that keeps the event loop": replace(Fanout, "__aexit__", block),
    "metrics page": replace(Prometheus, "serve", ignore_the_end),
    "list at the start": replace(FireHOL, "load", hang_in_a_thread),
    "list later": replace(FireHOL, "run", hang_in_a_thread),
    "list that ignores its end": replace(FireHOL, "run", ignore_the_end),
    "network": replace(Direct, "dial", ignore_the_end),
    "engine": replace(mtglib.relay.choice.ChosenRelay, "close", hang_in_a_thread),
    "thread": leave_a_thread_behind,
}

if __name__ == "__main__":
    HANGS[sys.argv.pop(1)]()
    main()
