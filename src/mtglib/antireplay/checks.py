"""Checks of options that several caches have."""

from typing import Any

LONGEST_WINDOW_SECONDS = 1e9


def is_number(value: Any, least: float, most: float) -> bool:
    """Tell whether a value is a number within these bounds; NaN never is."""
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def is_whole(value: Any, least: int, most: int) -> bool:
    """Tell whether a value is a whole number within these bounds."""
    return isinstance(value, int) and is_number(value, least, most)
