"""A part that does nothing, for each interface."""

from __future__ import annotations

from typing import Any

from .event_types import Event, IPAddress


class NoopAntiReplayCache:
    """Remembers nothing: replays get through."""

    async def seen_before(self, data: bytes) -> bool:
        """Return False."""
        return False


class NoopIPBlocklist:
    """Contains no address."""

    def contains(self, ip: IPAddress) -> bool:
        """Return False."""
        return False

    async def run(self, update_each_seconds: float) -> None:
        """Return at once: there is nothing to update."""

    async def shutdown(self) -> None:
        """Do nothing."""


class NoopEventStream:
    """Discards events."""

    is_heard = False

    def send(self, event: Event) -> None:
        """Do nothing."""


class NoopLogger:
    """Logs nothing."""

    debug_enabled = False
    info_enabled = False

    def named(self, name: str) -> NoopLogger:
        """Return itself."""
        return self

    def bind(self, **fields: Any) -> NoopLogger:
        """Return itself."""
        return self

    def debug(self, message: str, *, error: BaseException | None = None) -> None:
        """Do nothing."""

    def info(self, message: str, *, error: BaseException | None = None) -> None:
        """Do nothing."""

    def warning(self, message: str, *, error: BaseException | None = None) -> None:
        """Do nothing."""
