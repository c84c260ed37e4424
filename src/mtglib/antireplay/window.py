"""An exact anti-replay cache over a window of time.

A hello is only accepted while its stamp is within the tolerated skew of our clock, so what was seen longer ago than
twice that needs no remembering. Exact means no false positives: a bloom filter of the usual size turns one honest
client in a thousand away.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from ..errors import OptionError
from .checks import LONGEST_WINDOW_SECONDS, is_number, is_whole

_MOST_ENTRIES = 1_000_000_000
_LARGEST_SKEWNESS_SECONDS = 4e8


class Window:
    """Remembers everything for `window_seconds`, and tells exactly.

    Args:
        window_seconds: How long to remember, in seconds: above 0, at most 1e9.
        max_entries: If more come within the window, the oldest go; 1 to 1e9. A million takes about 200 MB.
        clock: Returns Unix seconds.

    Attributes:
        persistent: False: a restart forgets.
        evicted: How many entries had to go before their time.

    Raises:
        OptionError: A value can't work.
    """

    persistent = False

    def __init__(
        self, window_seconds: float, *, max_entries: int = 1_000_000, clock: Callable[[], float] = time.time
    ) -> None:
        if not is_number(window_seconds, 0, LONGEST_WINDOW_SECONDS) or window_seconds == 0:
            raise OptionError("window_seconds", "seconds above 0, at most 1e9", window_seconds)
        if not is_whole(max_entries, 1, _MOST_ENTRIES):
            raise OptionError("max_entries", "a number from 1 to 1e9", max_entries)
        if not callable(clock):
            raise OptionError("clock", "a function that returns Unix seconds", clock)
        self._window_seconds = window_seconds
        self._max_entries = max_entries
        self._clock = clock
        self._seen_at_unix: OrderedDict[bytes, float] = OrderedDict()
        self.evicted = 0

    @classmethod
    def for_time_skewness(cls, skewness_seconds: float, *, clock: Callable[[], float] = time.time) -> "Window":
        """Make a window as long as a hello can be accepted where clocks may be off by so many seconds: 0 to 4e8.

        Raises:
            OptionError: A value can't work.
        """
        if not is_number(skewness_seconds, 0, _LARGEST_SKEWNESS_SECONDS):
            raise OptionError("skewness_seconds", "seconds from 0 to 4e8", skewness_seconds)
        return cls(2 * skewness_seconds + 1, clock=clock)

    @property
    def window_seconds(self) -> float:
        """How long it remembers."""
        return self._window_seconds

    def __len__(self) -> int:
        return len(self._seen_at_unix)

    async def seen_before(self, data: bytes) -> bool:
        """Tell whether `data` was seen within the window, and remember it if not."""
        now_unix = self._clock()
        self._expire(now_unix)
        if data in self._seen_at_unix:
            return True
        if len(self._seen_at_unix) >= self._max_entries:
            self._seen_at_unix.popitem(last=False)
            self.evicted += 1
        self._seen_at_unix[data] = now_unix
        return False

    def _expire(self, now_unix: float) -> None:
        while self._seen_at_unix:
            data, seen_at_unix = next(iter(self._seen_at_unix.items()))
            if now_unix - seen_at_unix <= self._window_seconds:
                return
            del self._seen_at_unix[data]
