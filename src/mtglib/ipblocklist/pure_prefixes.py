"""A set of IP prefixes in pure Python: the slower fallback for the engine, and the oracle of its tests.

A property test checks that it parses lines as `rust/src/prefixes.rs` does; change both together.
"""

from __future__ import annotations

import heapq
import io
import socket
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import starmap
from operator import add
from typing import NamedTuple

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANKS = b" \t\r\x0c"
_MAPPED = bytes(10) + b"\xff\xff"
_HALF = 2**64 - 1
# Sorting holds the GIL, and so blocks the event loop: this many take some 5 ms.
_SORTED_AT_ONCE = 20_000


class PrefixSet:
    """A set of IP addresses, made from the text of a netset, in pieces of whole lines; immutable.

    Attributes:
        count: The number of lines with an address, a prefix or a range.
        broken_lines: The number of other lines.
        v4: The ranges of IPv4.
        v6: Those of IPv6.
    """

    def __init__(self, *pieces: bytes) -> None:
        self.count = 0
        self.broken_lines = 0
        v4, v6 = _Sorted(4), _Sorted(16)
        for line in _lines(pieces):
            entry = line.partition(b"#")[0].partition(b";")[0].strip(_BLANKS + b"\n")
            if not entry:
                continue
            try:
                first, last = _parse_entry(entry.decode("ascii"))
            except (ValueError, OSError):
                self.broken_lines += 1
                continue
            self.count += 1
            (v4 if len(first) == 4 else v6).add(first + last)
        self.v4, self.v6 = _V4Ranges(v4), _V6Ranges(v6)

    @staticmethod
    def union(sets: Sequence[PrefixSet]) -> PrefixSet:
        """Put sets together; their counts are added."""
        union = PrefixSet(b"")
        union.count = sum(prefixes.count for prefixes in sets)
        union.broken_lines = sum(prefixes.broken_lines for prefixes in sets)
        union.v4 = _V4Ranges(heapq.merge(*(prefixes.v4 for prefixes in sets)))
        union.v6 = _V6Ranges(heapq.merge(*(prefixes.v6 for prefixes in sets)))
        return union

    def contains_v4(self, number: int) -> bool:
        """Return whether an IPv4 address is in the set."""
        return self.v4.has(number)

    def contains_v6(self, number: int) -> bool:
        """Return whether an IPv6 address is; one that is IPv4-mapped is looked up as IPv4."""
        return self.v4.has(number & 0xFFFFFFFF) if number >> 32 == 0xFFFF else self.v6.has(number)


def _lines(pieces: Sequence[bytes]) -> Iterator[bytes]:
    for index, piece in enumerate(pieces):
        yield from io.BytesIO(piece if index else piece.removeprefix(_BYTE_ORDER_MARK))


def _parse_entry(text: str) -> tuple[bytes, bytes]:
    """`address`, `address/length` or `address - address`: the first and the last address, packed.

    Raises:
        ValueError, OSError: It is something else.
    """
    if "-" in text:
        first, _, last = text.partition("-")
        low, high = _canonical(_pack(first.rstrip(" \t\r\x0c"))), _canonical(_pack(last.lstrip(" \t\r\x0c")))
        if len(low) != len(high) or low > high:
            raise ValueError(text)
        return low, high
    address, slash, length = text.partition("/")
    packed = _pack(address)
    bits = _parse_length(length) if slash else 8 * len(packed)
    if bits >= 96 and packed.startswith(_MAPPED):
        packed, bits = packed[12:], bits - 96
    host_bits = 8 * len(packed) - bits
    if host_bits == 0:
        return packed, packed
    if host_bits < 0:
        raise ValueError(text)
    first_number = int.from_bytes(packed) >> host_bits << host_bits
    last_number = first_number | (1 << host_bits) - 1
    return first_number.to_bytes(len(packed)), last_number.to_bytes(len(packed))


def _pack(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def _canonical(packed: bytes) -> bytes:
    return packed.removeprefix(_MAPPED) if len(packed) == 16 else packed


def _parse_length(text: str) -> int:
    if not text.isdigit() or (text != "0" and text.startswith("0")) or len(text) > 3 or int(text) > 128:
        raise ValueError(text)
    return int(text)


class _Sorted(Iterable[tuple[int, int]]):
    """Collects ranges, and sorts them when iterated over; each takes twice its address's width."""

    def __init__(self, width_bytes: int) -> None:
        self._width_bytes = width_bytes
        self._pieces: list[bytes] = []
        self._piece: list[bytes] = []

    def add(self, packed: bytes) -> None:
        """Add the first and the last address of a range."""
        self._piece.append(packed)
        if len(self._piece) == _SORTED_AT_ONCE:
            self._finish_piece()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        self._finish_piece()
        width = self._width_bytes
        for packed in heapq.merge(*(_cut(piece, 2 * width) for piece in self._pieces)):
            yield int.from_bytes(packed[:width]), int.from_bytes(packed[width:])

    def _finish_piece(self) -> None:
        self._piece.sort()
        self._pieces.append(b"".join(self._piece))
        self._piece.clear()


def _cut(packed: bytes, width_bytes: int) -> Iterator[bytes]:
    return (packed[start : start + width_bytes] for start in range(0, len(packed), width_bytes))


def _joined(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join sorted ranges that overlap or touch."""
    rest = iter(ranges)
    for first, last in rest:
        low, high = first, last
        for first, last in rest:
            if first > high + 1:
                yield low, high
                low, high = first, last
            elif last > high:
                high = last
        yield low, high


class _V4Ranges(Iterable[tuple[int, int]]):
    """Sorted ranges of 32-bit numbers."""

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._first, self._last = array("I"), array("I")
        for first, last in _joined(ranges):
            self._first.append(first)
            self._last.append(last)

    def has(self, number: int) -> bool:
        """Return whether a range has the number."""
        after = bisect_right(self._first, number)
        return after > 0 and number <= self._last[after - 1]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._first, self._last, strict=True)


class _V6Ranges(Iterable[tuple[int, int]]):
    """Sorted ranges of 128-bit numbers, in halves: no array has items of that size."""

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._first, self._last = _Halves(array("Q"), array("Q")), _Halves(array("Q"), array("Q"))
        for first, last in _joined(ranges):
            self._first.append(first)
            self._last.append(last)

    def has(self, number: int) -> bool:
        """Return whether a range has the number."""
        high, low = number >> 64, number & _HALF
        end = bisect_right(self._first.high, high)
        start = bisect_left(self._first.high, high, 0, end)
        index = bisect_right(self._first.low, low, start, end) - 1
        return index >= 0 and (high, low) <= (self._last.high[index], self._last.low[index])

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._first.numbers(), self._last.numbers(), strict=True)


class _Halves(NamedTuple):
    high: array[int]
    low: array[int]

    def append(self, number: int) -> None:
        self.high.append(number >> 64)
        self.low.append(number & _HALF)

    def numbers(self) -> Iterator[int]:
        return starmap(add, zip((high << 64 for high in self.high), self.low, strict=True))
