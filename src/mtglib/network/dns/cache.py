"""A cache of DNS answers: for their TTL, and longer if the server fails (RFC 8767)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .message import RecordType, Reply

MIN_TTL_SECONDS: Final = 10.0
MAX_TTL_SECONDS: Final = 3600.0
MIN_NEGATIVE_TTL_SECONDS: Final = 5.0
MAX_NEGATIVE_TTL_SECONDS: Final = 60.0
MAX_STALE_SECONDS: Final = 86_400.0
STALE_TTL_SECONDS: Final = 30.0

Question = tuple[str, RecordType]


@dataclass(slots=True)
class _CachedAnswer:
    addresses: tuple[str, ...]
    fresh_until_mono: float
    kept_until_mono: float


class DNSCache:
    """Keeps up to `max_entries` answers; the least recently used one is dropped first."""

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._entries: dict[Question, _CachedAnswer] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def fresh(self, question: Question, now_mono: float) -> tuple[str, ...] | None:
        """Return an answer that holds; empty: there is no such address; None: not known."""
        entry = self._entries.pop(question, None)
        if entry is None:
            return None
        self._entries[question] = entry
        return entry.addresses if now_mono < entry.fresh_until_mono else None

    def stale(self, question: Question, now_mono: float) -> tuple[str, ...] | None:
        """Return addresses that held within the last day, and take them for fresh for half a minute."""
        entry = self._entries.get(question)
        if entry is None or not entry.addresses or now_mono >= entry.kept_until_mono:
            return None
        entry.fresh_until_mono = now_mono + STALE_TTL_SECONDS
        return entry.addresses

    def keep(self, question: Question, reply: Reply, now_mono: float) -> None:
        """Remember an answer for its time to live, within 10 s and an hour; 5 s and a minute for "none"."""
        if reply.addresses:
            ttl_seconds = min(max(reply.ttl_seconds, MIN_TTL_SECONDS), MAX_TTL_SECONDS)
        else:
            ttl_seconds = min(max(reply.ttl_seconds, MIN_NEGATIVE_TTL_SECONDS), MAX_NEGATIVE_TTL_SECONDS)
        fresh_until_mono = now_mono + ttl_seconds
        self._entries.pop(question, None)
        self._entries[question] = _CachedAnswer(reply.addresses, fresh_until_mono, fresh_until_mono + MAX_STALE_SECONDS)
        if len(self._entries) > self._max_entries:
            del self._entries[next(iter(self._entries))]
