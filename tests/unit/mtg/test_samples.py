"""Every metric that is sampled has somebody in the program who is asked for it."""

from __future__ import annotations

from typing import Any

import mtglib
from mtg.build import build_parts
from mtg.config import config_from_table
from mtg.samples import sample_all
from mtglib.noop import NoopLogger
from mtglib.stats.metrics import SAMPLED

TABLE: dict[str, Any] = {
    "secret": mtglib.Secret(bytes(range(16)), "front.example").hex(),
    "bind-to": "127.0.0.1:0",
    "stats": {
        "prometheus": {"enabled": True, "bind-to": "127.0.0.1:1"},
        "statsd": {"enabled": True, "address": "127.0.0.1:1"},
    },
}


async def test_somebody_is_asked_for_every_metric_that_is_sampled() -> None:
    parts = build_parts(config_from_table(TABLE, source="test"), logger=NoopLogger())
    assert parts.prometheus is not None
    assert parts.statsd is not None
    sample_all(parts, mtglib.Proxy(parts.options))

    assert tuple(parts.prometheus._samples) == tuple(parts.statsd._samples) == SAMPLED
