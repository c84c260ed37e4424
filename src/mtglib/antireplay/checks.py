"""Checks of options that several caches have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import OptionError

LONGEST_SECONDS = 1e9


def is_number(value: Any, least: float, most: float) -> bool:
    """Tell whether a value is a number within these bounds; NaN never is."""
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def is_whole(value: Any, least: int, most: int) -> bool:
    """Tell whether a value is a whole number within these bounds."""
    return isinstance(value, int) and is_number(value, least, most)


def checked_directory(value: Any) -> Path | None:
    """Return a path, if there is one.

    Raises:
        OptionError: It can't be a path.
    """
    if value is None:
        return None
    try:
        path = Path(value)
        if "\0" in str(path):
            raise ValueError
    except (TypeError, ValueError):
        raise OptionError("directory", "the path of a directory, or None", value) from None
    return path


def checked_clock(value: Any) -> Callable[[], float]:
    """Return a clock.

    Raises:
        OptionError: It isn't one.
    """
    if not callable(value):
        raise OptionError("clock", "a function that returns Unix seconds", value)
    clock: Callable[[], float] = value
    return clock
