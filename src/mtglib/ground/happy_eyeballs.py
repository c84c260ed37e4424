"""The order of addresses and the delay between attempts, shared by both races of addresses (RFC 8305)."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from itertools import zip_longest
from typing import Final, TypeVar

ATTEMPT_DELAY_SECONDS: Final = 0.25
"""How long one address may be silent before the next one is tried beside it (RFC 8305, section 8)."""

TRIED_LAST_SECONDS: Final = 60.0
_MAX_ADDRESSES: Final = 1024

_A = TypeVar("_A", bound=Hashable)


def alternated(first: Iterable[_A], second: Iterable[_A]) -> list[_A]:
    """Return the addresses of two families in turn, beginning with the first one's (RFC 8305, section 4)."""
    pairs = zip_longest(first, second)
    return [address for pair in pairs for address in pair if address is not None]


class SilentAddresses:
    """Remembers for a minute that an address didn't answer.

    Memory is bounded: beyond 1024 addresses, the one noted longest ago is forgotten.

    Args:
        clock: Returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until_mono: dict[Hashable, float] = {}

    def __len__(self) -> int:
        return len(self._until_mono)

    def note(self, address: Hashable) -> None:
        """Remember that an address didn't answer in time."""
        self._until_mono.pop(address, None)  # keeps the addresses in the order in which they were noted
        self._until_mono[address] = self._clock() + TRIED_LAST_SECONDS
        if len(self._until_mono) > _MAX_ADDRESSES:
            del self._until_mono[next(iter(self._until_mono))]

    def forget(self, address: Hashable) -> None:
        """Note that an address answers again."""
        self._until_mono.pop(address, None)

    def put_last(self, addresses: Iterable[_A]) -> list[_A]:
        """Return the addresses with the silent ones at the end, otherwise in the same order."""
        known = list(addresses)
        if not self._until_mono:
            return known
        now_mono = self._clock()
        for address, until_mono in list(self._until_mono.items()):
            if until_mono > now_mono:
                break  # later notes last longer
            del self._until_mono[address]
        return sorted(known, key=self._until_mono.__contains__)
