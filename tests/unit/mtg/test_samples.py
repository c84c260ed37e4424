"""Every metric that is sampled has somebody in the program who is asked for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mtglib
from mtg.build import build_parts
from mtg.config import config_from_table
from mtg.samples import sample_all
from mtglib.noop import NoopLogger
from mtglib.stats import Prometheus, Sample, Statsd
from mtglib.stats.metrics import SAMPLED

TABLE: dict[str, Any] = {
    "secret": mtglib.Secret(bytes(range(16)), "front.example").hex(),
    "bind-to": "127.0.0.1:0",
    "stats": {
        "prometheus": {"enabled": True, "bind-to": "127.0.0.1:1"},
        "statsd": {"enabled": True, "address": "127.0.0.1:1"},
    },
}


class AskedPrometheus(Prometheus):
    """Keeps what it samples, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.functions: dict[str, Sample] = {}

    def sample(self, name: str, function: Sample) -> None:
        self.functions[name] = function
        super().sample(name, function)


class AskedStatsd(Statsd):
    """Keeps the names."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1", 1)
        self.names: list[str] = []

    def sample(self, name: str, function: Sample) -> None:
        self.names.append(name)
        super().sample(name, function)


async def test_somebody_is_asked_for_every_metric_that_is_sampled() -> None:
    prometheus, statsd = AskedPrometheus(), AskedStatsd()
    built = build_parts(config_from_table(TABLE, source="test"), logger=NoopLogger())
    parts = replace(built, prometheus=prometheus, statsd=statsd)
    sample_all(lambda: parts, mtglib.Proxy(parts.options))

    assert sorted(prometheus.functions) == sorted(statsd.names) == sorted(metric.name for metric in SAMPLED)


class Taught(mtglib.Proxy):
    """A proxy that has learnt of its site, if the test says so."""

    learnt: tuple[mtglib.FrontAnswer, ...] = ()

    @property
    def front_answers(self) -> tuple[mtglib.FrontAnswer, ...]:
        return self.learnt


async def test_what_was_learnt_of_the_site_is_there_once_it_is() -> None:
    prometheus = AskedPrometheus()
    parts = replace(build_parts(config_from_table(TABLE, source="test"), logger=NoopLogger()), prometheus=prometheus)
    proxy = Taught(parts.options)
    sample_all(lambda: parts, proxy)
    when, size = (prometheus.functions[f"front_{name}"] for name in ("learned_timestamp_seconds", "answer_bytes"))
    assert (when(), size()) == ({}, {})

    proxy.learnt = (mtglib.FrontAnswer("front.example", 1e9, 2600),)
    assert (when(), size()) == ({("front.example",): 1e9}, {("front.example",): 2600})
