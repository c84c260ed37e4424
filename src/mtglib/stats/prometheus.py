"""Statistics for Prometheus."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence

from ..event_types import Event
from ..ground.checks import check_text
from .counts import Counts
from .histogram import Histogram
from .http_types import HTTPHandler
from .metrics import DIAL_SECONDS, HANDSHAKE_SECONDS, METRICS, Labels
from .samples import Sample, Samples
from .serving import serve_http
from .text_format import CONTENT_TYPE, family, histogram_family

_PREFIX = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_PATH = re.compile(r"/[!-\"$->@-~]*")  # what a request line can carry, without ? and #


class Prometheus:
    """An observer that counts events and exports the metrics in Prometheus' text format.

    It has mtg's metrics and labels, and more: `mtglib.stats.metrics` lists them all. A series stays, at 0, after its
    last connection has ended.

    Args:
        metric_prefix: The prefix of each metric's name, before an underscore: ASCII letters, digits, `_` and `:`, no
            digit first. The standard process metrics, `process_...`, have no prefix.

    Raises:
        OptionError: A value is invalid.
    """

    def __init__(self, *, metric_prefix: str = "mtg") -> None:
        self.rename(metric_prefix)
        self._counts = Counts()
        self._samples = Samples()
        self._histograms: dict[str, dict[Labels, Histogram]] = {
            HANDSHAKE_SECONDS.name: {(): Histogram()},
            DIAL_SECONDS.name: {},
        }

    def rename(self, metric_prefix: str) -> None:
        """Change the prefix. The numbers go on.

        Raises:
            OptionError: The prefix is invalid.
        """
        expected = "letters, digits, underscores and colons, not starting with a digit"
        check_text("metric_prefix", metric_prefix, _PREFIX, expected)
        self._prefix = metric_prefix

    @property
    def metric_prefix(self) -> str:
        """The prefix."""
        return self._prefix

    async def observe(self, events: Sequence[Event]) -> None:
        """Count events."""
        for event in events:
            for metric, labels, seconds in self._counts.add(event):
                self._histograms[metric.name].setdefault(labels, Histogram()).observe(seconds)

    def sample(self, name: str, function: Sample) -> None:
        """Register a function for a metric that isn't counted from events, such as "events_dropped".

        It is called for each request, in the event loop. If it raises an exception, the answer is a 500.

        Args:
            name: One of `mtglib.stats.metrics.SAMPLED`. A metric without a function isn't exported.
            function: Returns the value or, for a metric with labels, a mapping from label values to values.

        Raises:
            OptionError: There is no such metric, or `function` isn't a plain function.
        """
        self._samples.set(name, function)

    def render(self) -> bytes:
        """Return all metrics in the text format 0.0.4. Exceptions of functions given to `sample` are passed on."""
        return "".join(self._lines()).encode()

    async def serve(self, sock: socket.socket, http_path: str = "/") -> None:
        """Answer GET and HEAD over HTTP, until cancelled.

        At most 16 connections are open at once: one more closes the oldest. A request is limited to 5 s, and each line
        of its head to 8 KiB; its answer is limited to 5 s. It needs aiohttp, which the extra `metrics` has.

        Args:
            sock: A listening socket. The caller keeps it and closes it, also after an error.
            http_path: The path of the metrics; a query is ignored. As in mtg, a path that ends in a slash also matches
                all paths below it: "/" serves "/metrics". Other paths are a 404.

        Raises:
            OptionError: The path is invalid.
            OSError: The socket isn't listening.
            AiohttpIsMissingError: aiohttp isn't installed.
        """
        check_text("http_path", http_path, _PATH, "a path that starts with / and has no query")

        def make_handler() -> HTTPHandler:
            from .http_page import page_handler

            return page_handler(http_path, CONTENT_TYPE, self.render)

        await serve_http(sock, make_handler)

    def _lines(self) -> Iterator[str]:
        prefix = self._prefix
        for metric in METRICS:
            series = self._counts.series[metric.name].items()
            yield from family(f"{prefix}_{metric.name}", metric.kind, metric.help, metric.labels, series)
        for duration in (HANDSHAKE_SECONDS, DIAL_SECONDS):
            histograms = self._histograms[duration.name]
            yield from histogram_family(f"{prefix}_{duration.name}", duration.help, duration.labels, histograms)
        for metric in self._samples:
            name = metric.name if metric.is_standard else f"{prefix}_{metric.name}"
            yield from family(name, metric.kind, metric.help, metric.labels, self._samples.read(metric))
