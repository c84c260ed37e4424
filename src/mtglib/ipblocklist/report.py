"""What a list tells the log and the event stream; what those raise is theirs."""

from contextlib import suppress

from ..event_types import EventIPListSize
from ..interfaces import EventStream, Logger
from .source import Source


class Report:
    """Speaks of one list.

    Args:
        is_block_list: Which it is.
        logger: Told what changes.
        event_stream: Gets the sizes.
    """

    def __init__(self, is_block_list: bool, logger: Logger | None, event_stream: EventStream | None) -> None:
        self._is_block_list = is_block_list
        self._event_stream = event_stream
        self._logger: Logger | None = None
        with suppress(Exception):
            self._logger = logger and logger.named("ip-blocklist" if is_block_list else "ip-allowlist")

    def size(self, size: int) -> None:
        """The list has new contents."""
        if self._event_stream is not None:
            with suppress(Exception):
                self._event_stream.send(EventIPListSize(size=size, is_block_list=self._is_block_list))

    def changed(self, source: Source, origin: str) -> None:
        """A source has new contents."""
        if self._logger is not None:
            with suppress(Exception):
                fields = {"source": source.label, "prefixes": source.prefixes.count, "from": origin}
                self._logger.bind(**fields, broken_lines=source.prefixes.broken_lines).info("list loaded")

    def recovered(self, source: Source) -> None:
        """A source can be read again, and has what it had."""
        if self._logger is not None:
            with suppress(Exception):
                self._logger.bind(source=source.label).info("list is available again")

    def failed(self, source: Source, what: str, error: Exception) -> None:
        """Something went wrong that hadn't gone wrong before."""
        if self._logger is not None:
            with suppress(Exception):
                self._logger.bind(source=source.label, prefixes=source.prefixes.count).warning(what, error=error)
