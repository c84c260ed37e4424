"""Checks of arguments: what can't work is an OptionError that names the argument."""

from collections.abc import Sequence
from typing import Any

from ..errors import OptionError

MAX_DURATION_SECONDS = 365 * 86_400.0
"""A year: for what may take long, and shorter than what event loops can count."""


def check_seconds(field: str, value: Any, most: float) -> None:
    """Want a number above 0, up to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        raise OptionError(field, f"seconds above 0, up to {most:.12g}", value)


def check_int(field: str, value: Any, most: int) -> None:
    """Want an integer, 1 to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise OptionError(field, f"an integer, 1 to {most}", value)


def check_kind(field: str, value: Any, kind: type) -> None:
    """Want an instance of a class."""
    if not isinstance(value, kind):
        raise OptionError(field, f"a {kind.__name__}; got {type(value).__name__}")


def check_list(field: str, value: Any, of_what: str) -> None:
    """Want a sequence that isn't one string."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise OptionError(field, f"a list of {of_what}; got {type(value).__name__}")


def check_callable(field: str, value: Any, expected: str) -> None:
    """Want what can be called."""
    if not callable(value):
        raise OptionError(field, f"{expected}; got {type(value).__name__}")
