"""Checks of arguments: an invalid value raises an `OptionError` with the argument's name.

Each kind of value has one function, and so one wording. NaN is never within bounds, and True isn't a number.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

from ..errors import OptionError
from ..part_check import must_be_awaited

MAX_DURATION_SECONDS: Final = 365 * 86_400.0
"""A year: longer than anyone waits, and shorter than what timers of event loops can count."""

MAX_COUNT: Final = 1_000_000_000
_MAX_ALGORITHM_CHARACTERS: Final = 15  # the kernel's TCP_CA_NAME_MAX, without its NUL


def check_flag(field: str, value: Any) -> None:
    """Require True or False."""
    if not isinstance(value, bool):
        raise OptionError(field, "True or False", value)


def check_int(field: str, value: Any, most: int = MAX_COUNT, *, least: int = 1) -> None:
    """Require a whole number within these bounds, both included."""
    if not isinstance(value, int) or not is_number(value, least, most):
        raise OptionError(field, f"a whole number from {least} to {most}", value)


def check_number(field: str, value: Any, most: float, *, least: float) -> None:
    """Require a number within these bounds, both included."""
    if not is_number(value, least, most):
        raise OptionError(field, f"a number from {least} to {most}", value)


def check_seconds(field: str, value: Any, most: float = MAX_DURATION_SECONDS, *, least: float | None = None) -> None:
    """Require a duration, up to `most` and at least `least`; None: above 0."""
    is_within = is_number(value, least or 0, most) and (least is not None or value > 0)
    if not is_within:
        bounds = "seconds above 0, up to" if least is None else f"seconds from {least:g} to"
        raise OptionError(field, f"{bounds} {most:.12g}" + (" (a year)" * (most == MAX_DURATION_SECONDS)), value)


def check_choice(field: str, value: Any, choices: Collection[str]) -> None:
    """Require one of a few words."""
    if not isinstance(value, str) or value not in choices:
        raise OptionError(field, f"one of {', '.join(choices)}", value)


def check_text(field: str, value: Any, pattern: re.Pattern[str], expected: str) -> None:
    """Require text, all of which matches a pattern."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise OptionError(field, expected, value)


def check_congestion_control(field: str, value: Any) -> None:
    """Require the kernel's name of an algorithm, or None for no preference."""
    if value is None:
        return
    is_name = isinstance(value, str) and value.isascii() and value.isprintable()
    if not is_name or not 1 <= len(value) <= _MAX_ALGORITHM_CHARACTERS:
        raise OptionError(field, f"an algorithm's name, up to {_MAX_ALGORITHM_CHARACTERS} characters", value)


def check_kind(field: str, value: Any, kind: type) -> None:
    """Require an instance of a class."""
    if not isinstance(value, kind):
        raise OptionError(field, f"a {kind.__name__}, got {type(value).__name__}")


def check_list(field: str, value: Any, of_what: str, *, may_be_empty: bool = False) -> None:
    """Require a sequence that isn't a string; its values aren't shown, as URLs have passwords."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise OptionError(field, f"a list of {of_what}, got {type(value).__name__}")
    if not value and not may_be_empty:
        raise OptionError(field, f"a list of {of_what}, got an empty one")


def check_callable(field: str, value: Any, expected: str) -> None:
    """Require something callable, whether its result is awaited or not."""
    if not callable(value):
        raise OptionError(field, f"{expected}, got {type(value).__name__}")


def check_function(field: str, value: Any, returns: str) -> None:
    """Require a plain function: it is called, not awaited."""
    if not callable(value) or must_be_awaited(value):
        raise OptionError(field, f"a plain function that returns {returns}", value)


def as_directory(field: str, value: Any) -> Path | None:
    """Return a directory's path, which needn't exist; None for None."""
    if value is None:
        return None
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str) or not path or "\0" in path:
        raise OptionError(field, "the path of a directory, or None", value)
    return Path(path)


def is_number(value: Any, least: float = -sys.float_info.max, most: float = sys.float_info.max) -> bool:
    """Tell whether it is a finite number within these bounds, both included."""
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
