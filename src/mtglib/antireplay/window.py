"""The old name of `Exact`, from when hellos were remembered for seconds."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Self

from .exact import Exact


class Window(Exact):
    """Deprecated: an `Exact` in memory only. It remembers the latest `max_entries` hellos, whatever their age.

    Args:
        window_seconds: Has no effect: a hello can be replayed at any time, with another timestamp.
        max_entries: See `Exact`.
        clock: See `Exact`.

    Raises:
        OptionError: A value is invalid.
    """

    def __init__(
        self,
        window_seconds: float | None = None,
        *,
        max_entries: int = 1_000_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        warnings.warn("Window is deprecated, use Exact; window_seconds has no effect", DeprecationWarning, stacklevel=2)
        super().__init__(max_entries=max_entries, clock=clock)

    @classmethod
    def for_time_skewness(cls, skewness_seconds: float, *, clock: Callable[[], float] = time.time) -> Self:
        """Make a `Window`; `skewness_seconds` has no effect."""
        return cls(skewness_seconds, clock=clock)
