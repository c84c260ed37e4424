"""Sets of IP prefixes: the engine's or, if that isn't built, those in pure Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Prefixes(Protocol):
    """A set of IP addresses, made from the text of a netset, in pieces of whole lines; immutable.

    A line has an address, a prefix (host bits may be set) or a range `a-b`; comments begin with `#` or `;`. IPv4-mapped
    IPv6, in the text and in look-ups, is IPv4; a prefix shorter than ::ffff:0:0/96 isn't mapped and holds no IPv4.
    """

    def __init__(self, *pieces: bytes) -> None: ...

    @staticmethod
    def union(sets: Sequence[Any]) -> Prefixes:
        """Put sets together; their counts are added."""
        ...

    @property
    def count(self) -> int:
        """The number of lines with an address, a prefix or a range."""
        ...

    @property
    def broken_lines(self) -> int:
        """The number of other lines."""
        ...

    def contains_v4(self, number: int) -> bool:
        """Return whether an IPv4 address is in the set."""
        ...

    def contains_v6(self, number: int) -> bool:
        """Return whether an IPv6 address is."""
        ...


def _implementation() -> type[Prefixes]:
    try:
        from .._engine import PrefixSet
    except ImportError:
        from . import pure_prefixes

        return pure_prefixes.PrefixSet
    return PrefixSet


PrefixSet = _implementation()
