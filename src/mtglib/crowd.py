"""Visitors in the order in which they make room for others.

There are two kinds. Until a visitor's hello has been judged, only its age counts: bytes are cheap, and connections that
send a hello byte by byte would otherwise push out clients whose first packet is late. After that, visitors are
connected to the site and are ordered by their last byte, as the site itself would do. The larger kind makes room, so
that a crowd of either kind can't push out the other.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, Protocol, TypeVar


class _Member(Protocol):
    is_past_the_end: bool


_V = TypeVar("_V", bound=_Member)


class Crowd(Generic[_V]):
    """Some visitors: all of them, or those of one network."""

    __slots__ = ("_fronted", "_uncertain")

    def __init__(self) -> None:
        self._uncertain: OrderedDict[_V, None] = OrderedDict()  # oldest first
        self._fronted: OrderedDict[_V, None] = OrderedDict()  # first those past the site's end, then the longest silent

    def __len__(self) -> int:
        return len(self._uncertain) + len(self._fronted)

    def __contains__(self, entry: _V) -> bool:
        return entry in self._uncertain or entry in self._fronted

    def add(self, entry: _V) -> None:
        """Add a visitor about whom nothing is certain yet."""
        self._uncertain[entry] = None

    def remove(self, entry: _V) -> None:
        """Remove a visitor of this crowd."""
        del (self._uncertain if entry in self._uncertain else self._fronted)[entry]

    def fronted(self, entry: _V) -> None:
        """Note that a visitor of this crowd is about to be connected to the site."""
        self._uncertain.pop(entry, None)
        self._fronted[entry] = None

    def touch(self, entry: _V) -> None:
        """Note traffic of a visitor."""
        if entry in self._fronted and not entry.is_past_the_end:
            self._fronted.move_to_end(entry)

    def past_the_end(self, entry: _V) -> None:
        """Note that the site has ended its side for a visitor of this crowd, whatever traffic there still is."""
        self.fronted(entry)
        self._fronted.move_to_end(entry, last=False)

    def next_to_go(self) -> _V | None:
        """Return the next visitor to evict; None if there are none."""
        first = next(iter(self._fronted), None)
        if first is not None and (first.is_past_the_end or len(self._fronted) >= len(self._uncertain)):
            return first
        return next(iter(self._uncertain), first)
