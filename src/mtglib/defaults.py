"""The default parts of a proxy; the only module of the core that imports concrete parts."""

from __future__ import annotations

import logging
from typing import TypedDict

from .antireplay import Exact
from .interfaces import AntiReplayCache, EventStream, IPBlocklist, Logger, Network
from .logger import Standard
from .network import Direct
from .noop import NoopEventStream, NoopIPBlocklist


class DefaultParts(TypedDict):
    """A part for each mandatory option but the secret."""

    network: Network
    anti_replay_cache: AntiReplayCache
    ip_blocklist: IPBlocklist
    event_stream: EventStream
    logger: Logger


def default_parts() -> DefaultParts:
    """Make new parts for a proxy; `ProxyOpts.with_defaults` describes them."""
    return {
        "network": Direct(),
        "anti_replay_cache": Exact(),
        "ip_blocklist": NoopIPBlocklist(),
        "event_stream": NoopEventStream(),
        "logger": Standard(logging.getLogger("mtglib")),
    }
