"""What a list tells the log and the event stream; what those raise is theirs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from ..event_types import EventIPListSize
from ..ground.guarded_logger import GuardedLogger
from ..interfaces import EventStream
from .source import Source

# Servers choose the words of some reasons: they can't fill the log with ever new ones.
_MAX_REASONS = 5


class Report:
    """Speaks of one list.

    Args:
        is_block_list: Which it is.
        logger: Told what changes.
        event_stream: Gets the sizes.
    """

    def __init__(self, is_block_list: bool, logger: GuardedLogger, event_stream: EventStream | None) -> None:
        self._is_block_list = is_block_list
        self._event_stream = event_stream
        self._reasons: dict[Source, set[str]] = {}
        self._copies_failed = False
        self._logger = logger.named("ip-blocklist" if is_block_list else "ip-allowlist")

    def size(self, size: int) -> None:
        """The list has new contents."""
        if self._event_stream is not None:
            with suppress(Exception):
                self._event_stream.send(EventIPListSize(size=size, is_block_list=self._is_block_list))

    def changed(self, source: Source) -> None:
        """A source's new contents are in force."""
        self._reasons.pop(source, None)
        fields = {"source": source.label, "prefixes": source.prefixes.count, "from": source.origin}
        self._info("list loaded", **fields, broken_lines=source.prefixes.broken_lines)

    def failed(self, source: Source, what: str, error: Exception) -> None:
        """A source has a problem: told once for each reason, until it can be had again."""
        told = self._reasons.setdefault(source, set())
        if source.problem not in told and len(told) < _MAX_REASONS:
            told.add(source.problem)
            self._warn(what, source, error)

    def available(self, source: Source) -> None:
        """A source could be had: told if it couldn't before, and has what it had."""
        if self._reasons.pop(source, None):
            self._info("list is back", source=source.label)

    def copies(self, sources: Sequence[Source]) -> None:
        """Tell once that copies can't be written, until all can."""
        failed = next((source for source in sources if source.cache_error), None)
        if failed is not None and failed.cache_error is not None and not self._copies_failed:
            self._warn("lists can't be saved to disk", failed, failed.cache_error)
        self._copies_failed = failed is not None

    def updated(self, sources: Sequence[Source], size: int) -> None:
        """Somebody had all sources read."""
        failed = sum(bool(source.problem) for source in sources)
        self._info("lists updated", sources=len(sources), prefixes=size, failed=failed)

    def _info(self, message: str, **fields: object) -> None:
        self._logger.bind(**fields).info(message)

    def _warn(self, message: str, source: Source, error: Exception) -> None:
        self._logger.bind(source=source.label, prefixes=source.prefixes.count).warning(message, error=error)
