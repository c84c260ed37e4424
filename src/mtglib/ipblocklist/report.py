"""Reports a list's changes to the log and the event stream, and ignores their exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from ..event_types import EventIPListSize
from ..ground.guarded_logger import GuardedLogger
from ..interfaces import EventStream
from .source import Source

# Servers choose the words of some reasons. The limit keeps them from filling the log with new ones.
_MAX_REASONS = 5


class Report:
    """Reports the changes of one list.

    Args:
        is_block_list: True: the blocklist; False: the allowlist.
        logger: Gets the messages.
        event_stream: Gets the sizes.
    """

    def __init__(self, is_block_list: bool, logger: GuardedLogger, event_stream: EventStream | None) -> None:
        self._is_block_list = is_block_list
        self._event_stream = event_stream
        self._reasons: dict[Source, set[str]] = {}
        self._copies_failed = False
        self._logger = logger.named("ip-blocklist" if is_block_list else "ip-allowlist")

    def size(self, size: int) -> None:
        """Report that the list has new contents."""
        if self._event_stream is not None:
            with suppress(Exception):
                self._event_stream.send(EventIPListSize(size=size, is_block_list=self._is_block_list))

    def changed(self, source: Source) -> None:
        """Report that a source's new contents are in use."""
        self._reasons.pop(source, None)
        fields = {"source": source.label, "prefixes": source.prefixes.count, "from": source.origin}
        self._info("list loaded", **fields, broken_lines=source.prefixes.broken_lines)

    def failed(self, source: Source, what: str, error: Exception) -> None:
        """Report that a source has a problem: once for each reason, until it can be read again."""
        told = self._reasons.setdefault(source, set())
        if source.problem not in told and len(told) < _MAX_REASONS:
            told.add(source.problem)
            self._warn(what, source, error)

    def available(self, source: Source) -> None:
        """Report that a source was read again with unchanged contents, if it had failed before."""
        if self._reasons.pop(source, None):
            self._info("list is back", source=source.label)

    def copies(self, sources: Sequence[Source]) -> None:
        """Report that copies can't be written: once, until all of them can be written again."""
        failed = next((source for source in sources if source.cache_error), None)
        if failed is not None and failed.cache_error is not None and not self._copies_failed:
            self._warn("lists can't be saved to disk", failed, failed.cache_error)
        self._copies_failed = failed is not None

    def updated(self, sources: Sequence[Source], size: int) -> None:
        """Report that an update has read all sources."""
        failed = sum(bool(source.problem) for source in sources)
        self._info("lists updated", sources=len(sources), prefixes=size, failed=failed)

    def _info(self, message: str, **fields: object) -> None:
        self._logger.bind(**fields).info(message)

    def _warn(self, message: str, source: Source, error: Exception) -> None:
        self._logger.bind(source=source.label, prefixes=source.prefixes.count).warning(message, error=error)
