"""Statistics for Prometheus to fetch."""

import re
import socket
from collections.abc import Callable, Iterator, Sequence

from ..event_types import Event
from ..ground.checks import check_function, check_int, check_text
from .counts import Counts
from .histogram import Histogram
from .http_server import serve_page
from .metrics import DIAL_SECONDS, HANDSHAKE_SECONDS, METRICS, REPLAY_MEMORY, Labels
from .text_format import CONTENT_TYPE, family, histogram_family

_PREFIX = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[^\ud800-\udfff]*")  # what can be written as UTF-8
_PATH = re.compile(r"/[!-\"$->@-~]*")  # what a request line can carry, without ? and #


class Prometheus:
    """An observer that counts, and shows its counts in Prometheus' text format.

    Metrics and labels are mtg's, and more: `mtglib.stats.metrics` has them all. A series whose last connection is gone
    stays, at 0.

    Args:
        metric_prefix: Before each metric's name and an underscore: ASCII letters, digits, `_` and `:`, no digit first.
        version: The label of `build_info`: any text.
        engine: What relays, such as `Proxy.relay_engine`: the other one.
        engine_threads: How many threads the engine has, 0 to a million.
        dropped: Tells how many events never got to observers, for `events_dropped`; such as
            `lambda: fanout.dropped + proxy.events_dropped`. Called with each page, in the event loop; while it raises,
            the answer to who asks is 500.
        replay_memory: Tells how many hellos the anti-replay cache remembers, and how many seconds ago the oldest of
            them came; such as `lambda: (len(cache), cache.reach_seconds)`. Called as `dropped` is.

    Raises:
        OptionError: A value can't work.
    """

    def __init__(
        self,
        *,
        metric_prefix: str = "mtg",
        version: str = "",
        engine: str = "",
        engine_threads: int = 0,
        dropped: Callable[[], int] = lambda: 0,
        replay_memory: Callable[[], tuple[int, float]] = lambda: (0, 0.0),
    ) -> None:
        check_text("metric_prefix", metric_prefix, _PREFIX, "letters, digits and underscores, no digit first")
        check_text("version", version, _LABEL, "text")
        check_text("engine", engine, _LABEL, "text")
        check_int("engine_threads", engine_threads, 1_000_000, least=0)
        check_function("dropped", dropped, "a number")
        check_function("replay_memory", replay_memory, "two numbers")
        self._prefix = metric_prefix
        self._build = (version, engine)
        self._engine_threads = engine_threads
        self._dropped = dropped
        self._replay_memory = replay_memory
        self._counts = Counts()
        self._histograms: dict[str, dict[Labels, Histogram]] = {
            HANDSHAKE_SECONDS.name: {(): Histogram()},
            DIAL_SECONDS.name: {},
        }

    async def observe(self, events: Sequence[Event]) -> None:
        """Count events."""
        for event in events:
            for metric, labels, seconds in self._counts.add(event):
                self._histograms[metric.name].setdefault(labels, Histogram()).observe(seconds)

    def render(self) -> bytes:
        """Return all metrics in the text format 0.0.4; raises what `dropped` and `replay_memory` do."""
        return "".join(self._lines()).encode()

    async def serve(self, sock: socket.socket, http_path: str = "/") -> None:
        """Answer GET and HEAD over HTTP, until cancelled.

        At most 16 connections are open at once; each has 8 KiB and 5 s for its request, and 5 s for the answer.

        Args:
            sock: A listening socket, which stays the caller's: whoever made it closes it, also after an error.
            http_path: Where the metrics are; a query is ignored. As for mtg, a path that ends in a slash stands for
                all paths below it, too: "/" serves "/metrics". Others are not found.

        Raises:
            OptionError: The path can't work.
            OSError: The socket doesn't listen.
        """
        check_text("http_path", http_path, _PATH, "a path that begins with / and has no query")
        await serve_page(sock, http_path, CONTENT_TYPE, self.render)

    def _lines(self) -> Iterator[str]:
        prefix = self._prefix
        for metric in METRICS:
            series = self._counts.series[metric.name].items()
            yield from family(f"{prefix}_{metric.name}", metric.kind, metric.help, metric.labels, series)
        for duration in (HANDSHAKE_SECONDS, DIAL_SECONDS):
            histograms = self._histograms[duration.name]
            yield from histogram_family(f"{prefix}_{duration.name}", duration.help, duration.labels, histograms)
        build = [(self._build, 1)]
        yield from family(f"{prefix}_build_info", "gauge", "What runs; always 1.", ("version", "engine"), build)
        threads = [((), self._engine_threads)]
        yield from family(f"{prefix}_engine_threads", "gauge", "Threads of the relay engine.", (), threads)
        for metric, value in zip(REPLAY_MEMORY, self._replay_memory(), strict=True):
            yield from family(f"{prefix}_{metric.name}", metric.kind, metric.help, (), [((), round(value))])
        dropped = [((), int(self._dropped()))]
        yield from family(f"{prefix}_events_dropped", "counter", "Events that observers didn't get.", (), dropped)
