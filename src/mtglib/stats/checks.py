"""Checks of options that both kinds of statistics have."""

import inspect
import re
from typing import Any

from ..errors import OptionError


def check_text(field: str, value: Any, pattern: re.Pattern[str], expected: str) -> None:
    """Raise OptionError unless the value is text of this pattern."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise OptionError(field, expected, value)


def check_whole(field: str, value: Any, least: int, most: int) -> None:
    """Raise OptionError unless the value is a whole number within these bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise OptionError(field, f"a number from {least} to {most}", value)


def check_sampled(field: str, value: Any, expected: str) -> None:
    """Raise OptionError unless the value is a function to be called without waiting."""
    if not callable(value) or inspect.iscoroutinefunction(value):
        raise OptionError(field, f"a plain function that returns {expected}", value)
