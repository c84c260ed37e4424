"""A stable bloom filter: an anti-replay cache of a fixed size, which sometimes gives a wrong answer.

Source: Deng and Rafiei, "Approximately Detecting Duplicates for Streaming Data using Stable Bloom Filters", SIGMOD
2006. There are m cells that count from 0 to MAX. An item has K cells, chosen by a hash; if none of them is 0, it was
seen. To remember an item, P cells in a row, starting at a random one, are counted down by 1, and then its own K cells
are set to MAX. The share of zeros settles at (1 / (1 + 1 / (P (1/K - 1/m)))) ** MAX, whatever the number of
insertions, and so does the rate of false positives: (1 - share) ** K.

Cells have 4 bits here, two in a byte. Cells of 1 bit, as mtg has them, forget from the first insertion on; with
MAX = 15 a cell is zero only after it was counted down 15 times, so recent items are kept.
"""

from __future__ import annotations

import math
import secrets
import struct
import time
from array import array
from collections.abc import Callable
from hashlib import blake2b
from os import PathLike

from ..ground.checks import check_int, check_number
from ..interfaces import Logger
from .entries import FINGERPRINT_BYTES, KEY_BYTES
from .persistent_cache import PersistentCache
from .pure import FingerprintBlock, FingerprintLog, keyed_fingerprint

_MAX = 15
_CELLS_PER_BYTE = 2
_MOST_HASHES = 15  # a digest of 64 bytes has 16 words of 4: one for each cell, and one for the row to count down
_MIN_SIZE_BYTES = 1024  # far more cells than one insertion touches; an index fits into a word
_MAX_SIZE_BYTES = 256 * 1024 * 1024
_MIN_ERROR_RATE, _MAX_ERROR_RATE = 1e-9, 0.5

_COUNT_DOWN = bytes(
    max((byte >> 4) - 1, 0) << 4 | max((byte & 0x0F) - 1, 0)  # both cells of a byte, neither below 0
    for byte in range(256)
)
_CELL_IN_BYTE = (0x0F, 0xF0)

# After so many more, the filter remembers next to nothing of an insertion. Inserting a million again takes 3 s.
_BYTES_PER_KEPT = 4
_MOST_KEPT = 1_000_000

# An event loop beside the thread that loads them waits no longer than for so many, a quarter of a millisecond.
_INSERTED_AT_ONCE = 64
_PAUSE_SECONDS = 50e-6


class Cells:
    """The filter itself.

    Args:
        key: Decides which cells belong to an item.
        size_bytes: How much memory they take.
        error_rate: The most false positives.
    """

    def __init__(self, key: bytes, size_bytes: int, error_rate: float) -> None:
        hashes = min(math.ceil(-math.log2(error_rate)), _MOST_HASHES)
        self.key = key
        self.cells = bytearray(size_bytes)
        self.count_down_bytes = _count_down_bytes(size_bytes * _CELLS_PER_BYTE, hashes, error_rate)
        self._words = struct.Struct(f"<{hashes + 1}I")

    def has_or_insert(self, fingerprint: int) -> bool:
        """Return whether all of its cells are set; if not, count some down and set them."""
        cells, count = self.cells, len(self.cells) * _CELLS_PER_BYTE
        hashed = blake2b(fingerprint.to_bytes(FINGERPRINT_BYTES, "little"), digest_size=self._words.size, key=self.key)
        start, *words = self._words.unpack(hashed.digest())
        indexes = [word % count for word in words]
        for index in indexes:
            if not cells[index >> 1] & _CELL_IN_BYTE[index & 1]:
                break
        else:
            return True
        self.count_down(start % len(cells))
        for index in indexes:
            cells[index >> 1] |= _CELL_IN_BYTE[index & 1]  # all bits set is MAX
        return False

    def count_down(self, start: int) -> None:
        """Count a row of cells down by 1; the first cell follows the last."""
        end = start + self.count_down_bytes
        self.cells[start:end] = self.cells[start:end].translate(_COUNT_DOWN)
        if (beyond := end - len(self.cells)) > 0:
            self.cells[:beyond] = self.cells[:beyond].translate(_COUNT_DOWN)


class Inserted(FingerprintLog):
    """The latest fingerprints; those of an earlier process are inserted when they are loaded."""

    def __init__(self, max_entries: int, cells: Cells) -> None:
        super().__init__(max_entries)
        self.cells = cells

    def _extend(self, generation: FingerprintBlock, fingerprints: array[int]) -> None:
        for number, fingerprint in enumerate(fingerprints):
            self.cells.has_or_insert(fingerprint)
            if number % _INSERTED_AT_ONCE == 0:
                time.sleep(_PAUSE_SECONDS)
        super()._extend(generation, fingerprints)


class StableBloom(PersistentCache[Inserted]):
    """Remembers recent hellos in a fixed amount of memory, with false positives and false negatives.

    At most a share of `error_rate` of new hellos is taken for replays: such a client gets the fronting site and has to
    try again. A replay gets through if the original hello was forgotten because of the hellos since: with the defaults,
    fewer than one in 1000 is forgotten after 40 000 other hellos, and nearly every second one after 100 000. These
    numbers are proportional to `max_size_bytes`; time plays no part. `Exact` has neither kind of error, but needs more
    memory.

    A replay doesn't change the filter, so sending it repeatedly makes the filter forget nothing. Only a client with the
    secret can fill the filter. A random key of this object decides which cells belong to a hello.

    With a `directory` it survives restarts as an `Exact` does, with the same files: each can continue from the other's.
    On disk, and in memory beside the cells, it keeps the fingerprints of up to `max_size_bytes` / 4 hellos, at most a
    million; `load` inserts them again.

    Args:
        max_size_bytes: The size of the cells in bytes: 1024 (1 KiB) to 268435456 (256 MiB).
        error_rate: The most false positives, as a share of new hellos, 1e-9 to 0.5.
        directory: See `Exact`.
        logger: See `Exact`.
        clock: Returns Unix seconds.

    Raises:
        OptionError: A value is invalid.
    """

    def __init__(
        self,
        max_size_bytes: int = 1024 * 1024,
        error_rate: float = 0.001,
        *,
        directory: str | PathLike[str] | None = None,
        logger: Logger | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_int("max_size_bytes", max_size_bytes, _MAX_SIZE_BYTES, least=_MIN_SIZE_BYTES)
        check_number("error_rate", error_rate, _MAX_ERROR_RATE, least=_MIN_ERROR_RATE)
        self._size = (max_size_bytes, error_rate)
        self._kept = min(max_size_bytes // _BYTES_PER_KEPT, _MOST_KEPT)
        self._cells = Cells(secrets.token_bytes(KEY_BYTES), *self._size)
        super().__init__(None, file_entries=self._kept // 8, directory=directory, logger=logger, clock=clock)

    async def seen_before(self, data: bytes) -> bool:
        """Tell whether `data` was probably seen before, and remember it if not."""
        if self.successor is not None:
            return await self.successor.seen_before(data)
        fingerprint = keyed_fingerprint(self._cells.key, data)
        if self._cells.has_or_insert(fingerprint):
            return True
        if self.entries is not None:
            self.entries.add(fingerprint, int(self._clock()))
        return False

    def _new_entries(self, key: bytes) -> Inserted:
        return Inserted(self._kept, Cells(key, *self._size))

    def _use(self, entries: Inserted) -> None:
        self._cells = entries.cells


def _count_down_bytes(cells: int, hashes: int, error_rate: float) -> int:
    """Return P / 2: the paper's formula for the rate of false positives, solved for P and rounded up."""
    zeros: float = 1 - error_rate ** (1 / hashes)
    ratio: float = zeros ** (1 / _MAX)
    # In the paper everything is inserted, here only new items, which always have a zero cell. So zeros are set more
    # often, by a factor of at most 1 / (1 - error_rate).
    set_per_insertion = 1 / ((1 / hashes - 1 / cells) * (1 - error_rate))
    return math.ceil(set_per_insertion * ratio / (1 - ratio) / _CELLS_PER_BYTE)
