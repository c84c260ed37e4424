"""Statistics for a statsd server, over UDP."""

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self

from ..errors import OptionError
from ..event_types import Event
from .counts import Counts
from .metrics import DIAL_SECONDS, HANDSHAKE_SECONDS, METRICS, Labels
from .statsd_lines import LINES, TagFormat
from .udp_writer import UDPWriter

_PREFIX = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_LAST_CONNECT_TIMEOUT = 1.0  # for who leaves before the name was found
_TIMINGS = {HANDSHAKE_SECONDS.name: "handshake_duration", DIAL_SECONDS.name: "dial_duration"}


class Statsd:
    """An observer that counts, and tells a statsd server its counts.

    Names and tags are those of `Prometheus`, with a dot behind the prefix. Counters (`|c`) are sent as what was added
    since the last time; gauges (`|g`) as what they are, so that one that is lost is made good by the next. Durations
    are sent as they come, in milliseconds (`|ms`), and called `handshake_duration` and `dial_duration`. In the values
    of tags, what has a meaning in the tag format becomes a minus: an IPv6 address's colons in influxdb and graphite.

    `async with Statsd(...) as observer:` around the stream that feeds it; the last numbers are sent on the way out.
    Whether anybody listens makes no difference; until the host's name is found, counts gather. Two processes with one
    prefix would overwrite each other's gauges.

    Args:
        host: The server's name or IP address; a name is looked up again after an error.
        port: Its UDP port.
        metric_prefix: Before each metric's name, with a dot, which may be given or not.
        tag_format: How it wants tags.
        dropped: Tells how many events never got to observers, for `events_dropped`.
        flush_each_seconds: How often to send counters and gauges.

    Raises:
        OptionError: A value can't work.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        metric_prefix: str = "mtg",
        tag_format: TagFormat = "datadog",
        dropped: Callable[[], int] = lambda: 0,
        flush_each_seconds: float = 1.0,
    ) -> None:
        if not host:
            raise OptionError("host", "a name or an IP address", host)
        if not 1 <= port <= 65_535:
            raise OptionError("port", "a number from 1 to 65535", port)
        if not _PREFIX.fullmatch(metric_prefix):
            raise OptionError("metric_prefix", "letters, digits, underscores and single dots", metric_prefix)
        if tag_format not in LINES:
            raise OptionError("tag_format", f"one of {', '.join(LINES)}", tag_format)
        if not flush_each_seconds > 0:
            raise OptionError("flush_each_seconds", "a positive number", flush_each_seconds)
        self._writer = UDPWriter(host, port)
        self._prefix = metric_prefix.removesuffix(".") + "."
        self._line = LINES[tag_format]
        self._dropped = dropped
        self._flush_each_seconds = flush_each_seconds
        self._counts = Counts()
        self._sent: dict[tuple[str, Labels], int] = {}
        self._flushing: asyncio.Task[None] | None = None

    async def observe(self, events: Sequence[Event]) -> None:
        """Count events, and send durations."""
        for event in events:
            for metric, labels, seconds in self._counts.add(event):
                self._add(_TIMINGS[metric.name], f"{seconds * 1000:.3f}", "ms", metric.labels, labels)

    async def __aenter__(self) -> Self:
        self._flushing = asyncio.get_running_loop().create_task(self._flush_for_ever(), name="mtglib-statsd")
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._flushing is not None
        self._flushing.cancel()
        with suppress(asyncio.CancelledError):
            await self._flushing
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_CONNECT_TIMEOUT):
                await self._writer.connect()
        self._flush()
        self._writer.close()

    async def _flush_for_ever(self) -> None:
        while True:
            if await self._writer.connect():
                self._flush()
            await asyncio.sleep(self._flush_each_seconds)

    def _flush(self) -> None:
        for metric in METRICS:
            for labels, value in self._counts.series[metric.name].items():
                if metric.kind == "gauge":
                    self._add(metric.name, str(value), "g", metric.labels, labels)
                else:
                    self._add_increase(metric.name, value, metric.labels, labels)
        self._add_increase("events_dropped", self._dropped(), (), ())
        self._writer.flush()

    def _add_increase(self, name: str, value: int, tags: Labels, labels: Labels) -> None:
        increase = value - self._sent.get((name, labels), 0)
        if increase:
            self._sent[name, labels] = value
            self._add(name, str(increase), "c", tags, labels)

    def _add(self, name: str, value: str, kind: str, tags: Labels, labels: Labels) -> None:
        self._writer.add(self._line(self._prefix + name, value, kind, tags, labels))
