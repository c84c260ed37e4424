"""A stable bloom filter: an anti-replay cache of a fixed size, which is wrong now and then.

Source: Deng and Rafiei, "Approximately Detecting Duplicates for Streaming Data using Stable Bloom Filters", SIGMOD
2006. There are m cells that count from 0 to MAX. What was seen has K cells, chosen by a hash, none of which is 0. To
remember something, P cells in a row from a random one on are counted down by 1, then its own K are set to MAX. The
share of zeros settles at (1 / (1 + 1 / (P (1/K - 1/m)))) ** MAX, whatever the number of insertions, and with it the
rate of false positives: (1 - share) ** K.

Cells have 4 bits here, two in a byte. Cells of 1 bit, as mtg has them, forget from the first insertion on; with
MAX = 15 a cell is zero only after the row has gone over it 15 times, so that what is recent is kept.
"""

import math
import secrets
import struct
from hashlib import blake2b

from ..errors import OptionError
from .checks import is_number, is_whole

_MAX = 15
_CELLS_PER_BYTE = 2
_MOST_HASHES = 15  # a digest of 64 bytes has 16 words of 4: one for each cell, and one for where to count down
_SIZES_BYTES = (1024, 256 * 1024 * 1024)  # far more cells than one insertion touches; an index fits a word
_ERROR_RATES = (1e-9, 0.5)

_COUNT_DOWN = bytes(
    max((byte >> 4) - 1, 0) << 4 | max((byte & 0x0F) - 1, 0)  # both cells of a byte, neither below 0
    for byte in range(256)
)
_CELL_IN_BYTE = (0x0F, 0xF0)


class StableBloom:
    """Remembers the latest of what it was asked about in a fixed amount of memory, and errs both ways.

    Of hellos that are new, at most `error_rate` are taken for replays: an honest client is shown the fronting site
    and has to try again. Replays get through if so much came since the first time that it was forgotten: with the
    defaults, after 40 000 others fewer than one in 1000 is, after 100 000 nearly every second one. These numbers are in
    proportion to `max_size_bytes`. Time plays no part. `Window` has neither fault, for more memory.

    A replay changes nothing, so sending one again and again makes the filter forget nothing. Only whoever has the
    secret can fill it; which cells are whose depends on a random key of this object.

    Args:
        max_size_bytes: How much memory the cells take, in bytes: 1024 (1 KiB) to 268435456 (256 MiB).
        error_rate: The most false positives, as a share of what is new, 1e-9 to 0.5.

    Attributes:
        persistent: False: a restart forgets.

    Raises:
        OptionError: A value can't work.
    """

    persistent = False

    def __init__(self, max_size_bytes: int = 1024 * 1024, error_rate: float = 0.001) -> None:
        if not is_whole(max_size_bytes, *_SIZES_BYTES):
            raise OptionError("max_size_bytes", f"a number from {_SIZES_BYTES[0]} to {_SIZES_BYTES[1]}", max_size_bytes)
        if not is_number(error_rate, *_ERROR_RATES):
            raise OptionError("error_rate", f"a number from {_ERROR_RATES[0]} to {_ERROR_RATES[1]}", error_rate)
        hashes = min(math.ceil(-math.log2(error_rate)), _MOST_HASHES)
        self._cells = bytearray(max_size_bytes)
        self._count_down_bytes = _count_down_bytes(max_size_bytes * _CELLS_PER_BYTE, hashes, error_rate)
        self._words = struct.Struct(f"<{hashes + 1}I")
        self._key = secrets.token_bytes(32)

    async def seen_before(self, data: bytes) -> bool:
        """Tell whether `data` was probably seen before, and remember it if not."""
        cells, count = self._cells, len(self._cells) * _CELLS_PER_BYTE
        digest = blake2b(data, digest_size=self._words.size, key=self._key).digest()
        start, *words = self._words.unpack(digest)
        indexes = [word % count for word in words]
        for index in indexes:
            if not cells[index >> 1] & _CELL_IN_BYTE[index & 1]:
                break
        else:
            return True
        self._count_down(start % len(cells))
        for index in indexes:
            cells[index >> 1] |= _CELL_IN_BYTE[index & 1]  # all bits set is MAX
        return False

    def _count_down(self, start: int) -> None:
        """Count a row of cells down by 1; it goes on at the beginning where the cells are over."""
        end = start + self._count_down_bytes
        self._cells[start:end] = self._cells[start:end].translate(_COUNT_DOWN)
        if (beyond := end - len(self._cells)) > 0:
            self._cells[:beyond] = self._cells[:beyond].translate(_COUNT_DOWN)


def _count_down_bytes(cells: int, hashes: int, error_rate: float) -> int:
    """Return P / 2: the paper's formula for the rate of false positives, solved for P and rounded up."""
    zeros: float = 1 - error_rate ** (1 / hashes)
    ratio: float = zeros ** (1 / _MAX)
    # In the paper everything is inserted. Here only what is new is, and so has a zero cell with certainty: zeros are
    # set more often by a factor of 1 / (1 - error_rate) at most.
    set_per_insertion = 1 / ((1 / hashes - 1 / cells) * (1 - error_rate))
    return math.ceil(set_per_insertion * ratio / (1 - ratio) / _CELLS_PER_BYTE)
