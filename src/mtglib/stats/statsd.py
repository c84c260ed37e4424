"""Statistics for a statsd server, over UDP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from ..event_types import Event
from ..ground.checks import check_choice, check_int, check_seconds, check_text
from ..ground.endpoints import host_and_port
from ..ground.guarded_logger import checked_logger
from ..interfaces import Logger
from .counts import Counts
from .metrics import DIAL_SECONDS, HANDSHAKE_SECONDS, METRICS, Labels, Metric
from .reachability import Reachability
from .samples import Sample, Samples
from .statsd_lines import LINES, TagFormat
from .udp_writer import UDPWriter

_HOST = re.compile(r"[^\x00-\x20]{1,255}")
_PREFIX = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_LONGEST_FLUSH_SECONDS = 86_400
_LAST_CONNECT_TIMEOUT = 0.3  # if it is exited before the name was resolved
_TIMINGS = {HANDSHAKE_SECONDS.name: "handshake_duration", DIAL_SECONDS.name: "dial_duration"}


class Statsd:
    """An observer that counts events and sends the metrics to a statsd server.

    Names and tags are those of `Prometheus`, with a dot after the prefix. Counters (`|c`) are sent as increments;
    gauges (`|g`) as absolute values, so that the next datagram makes up for a lost one. Durations are sent one by one,
    in milliseconds (`|ms`), as `handshake_duration` and `dial_duration`. In tag values, characters with a meaning in
    the tag format become a minus, such as an IPv6 address's colons in influxdb and graphite.

    Put `async with Statsd(...) as observer:` around the event stream that feeds it; it can be entered once. The last
    values are sent on exit, which takes 0.3 s at most. It works without a listening server; until the host's name is
    resolved, counts accumulate. Two processes with the same prefix would overwrite each other's gauges.

    Args:
        host: The server's name or IP address, 1 to 255 characters. A name is looked up again after an error.
        port: Its UDP port, 1 to 65535.
        metric_prefix: The prefix of each metric's name: words of ASCII letters, digits, `_` and `-`, separated by dots.
            A dot at the end is optional.
        tag_format: The format of tags: "datadog", "influxdb" or "graphite".
        flush_each_seconds: How often to send counters and gauges, in seconds: above 0, at most a day.
        logger: Gets one warning about each function given to `sample` that raises. If the server's name can't be
            resolved or nothing listens at its port, it gets one warning, and one info message when that is over.

    Raises:
        OptionError: A value is invalid.
        RuntimeError: It is entered a second time, or exited without having been entered.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        metric_prefix: str = "mtg",
        tag_format: TagFormat = "datadog",
        flush_each_seconds: float = 1.0,
        logger: Logger | None = None,
    ) -> None:
        check_seconds("flush_each_seconds", flush_each_seconds, _LONGEST_FLUSH_SECONDS)
        self._logger = checked_logger(logger)
        self._aim(host, port, metric_prefix, tag_format)
        self._flush_each_seconds = flush_each_seconds
        self._counts = Counts()
        self._samples = Samples()
        self._sent: dict[tuple[str, Labels], float] = {}
        self._warned: set[str] = set()
        self._was_entered = False
        self._flushing: asyncio.Task[None] | None = None

    def move(self, host: str, port: int, *, metric_prefix: str = "mtg", tag_format: TagFormat = "datadog") -> None:
        """Send what comes from now on elsewhere, or in another way. The numbers go on: no increment is sent twice.

        Args:
            host: As for the class, like the others.
            port: Its UDP port.
            metric_prefix: The prefix of each metric's name.
            tag_format: The format of tags.

        Raises:
            OptionError: A value is invalid. Nothing has changed.
        """
        earlier = self._writer
        self._aim(host, port, metric_prefix, tag_format)
        earlier.flush()
        earlier.close()

    def _aim(self, host: str, port: int, metric_prefix: str, tag_format: TagFormat) -> None:
        check_text("host", host, _HOST, "a name or an IP address")
        check_int("port", port, 65_535)
        words = "words of letters, digits, underscores and hyphens, separated by dots"
        check_text("metric_prefix", metric_prefix, _PREFIX, words)
        check_choice("tag_format", tag_format, LINES)
        self._writer = UDPWriter(host, port)
        self._reachability = Reachability(f"statsd: {host_and_port(host, port)}", self._logger)
        self._prefix = metric_prefix.removesuffix(".") + "."
        self._line = LINES[tag_format]

    async def observe(self, events: Sequence[Event]) -> None:
        """Count events, and send durations."""
        for event in events:
            for metric, labels, seconds in self._counts.add(event):
                self._add(_TIMINGS[metric.name], f"{seconds * 1000:.3f}", "ms", metric.labels, labels)

    def sample(self, name: str, function: Sample) -> None:
        """Register a function for a metric that isn't counted from events, such as "events_dropped".

        It is called before each sending, in the event loop. While it raises, its metric isn't sent.

        Args:
            name: One of `mtglib.stats.metrics.SAMPLED`. A metric without a function isn't sent.
            function: Returns the value or, for a metric with labels, a mapping from label values to values.

        Raises:
            OptionError: There is no such metric, or `function` isn't a plain function.
        """
        self._samples.set(name, function)

    async def __aenter__(self) -> Self:
        if self._was_entered:
            raise RuntimeError("a Statsd can be entered once")
        self._was_entered = True
        self._flushing = asyncio.get_running_loop().create_task(self._flush_for_ever(), name="mtg-statsd")
        return self

    async def __aexit__(self, *_error: object) -> None:
        flushing, self._flushing = self._flushing, None
        if flushing is None:
            raise RuntimeError("a Statsd can be left once, after it was entered")
        try:
            flushing.cancel()
            await asyncio.wait((flushing,))
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_CONNECT_TIMEOUT):
                    await self._writer.connect()
            self._flush()
        finally:
            self._writer.close()

    async def _flush_for_ever(self) -> None:
        while True:
            writer = self._writer
            is_connected = await writer.connect()
            if writer is not self._writer:  # it has moved meanwhile
                writer.close()
                continue
            if is_connected:
                self._flush()
            self._reachability.sent(self._writer.take_error())
            await asyncio.sleep(self._flush_each_seconds)

    def _flush(self) -> None:
        for metric in METRICS:
            for labels, value in self._counts.series[metric.name].items():
                self._add_value(metric, labels, value)
        for metric in self._samples:
            self._flush_sample(metric)
        self._writer.flush()

    def _flush_sample(self, metric: Metric) -> None:
        try:
            series = self._samples.read(metric)
        except Exception as error:
            if metric.name not in self._warned:
                self._warned.add(metric.name)
                self._logger.warning(f"statsd: {metric.name} failed: {type(error).__name__}", error=error)
            return
        for labels, value in series:
            self._add_value(metric, labels, value)

    def _add_value(self, metric: Metric, labels: Labels, value: float) -> None:
        if metric.kind == "gauge":
            self._add(metric.name, str(value), "g", metric.labels, labels)
        else:
            self._add_increase(metric.name, value, metric.labels, labels)

    def _add_increase(self, name: str, value: float, tags: Labels, labels: Labels) -> None:
        increase = value - self._sent.get((name, labels), 0)
        if increase:
            self._sent[name, labels] = value
            self._add(name, str(increase), "c", tags, labels)

    def _add(self, name: str, value: str, kind: str, tags: Labels, labels: Labels) -> None:
        self._writer.add(self._line(self._prefix + name, value, kind, tags, labels))
