"""Checks of what `FireHOL` is given: a value that can't work is an `OptionError` with the argument's name."""

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import OptionError

_MAX_SECONDS = 10 * 365 * 86400.0


def check_flag(name: str, value: object) -> None:
    """Refuse what is neither True nor False."""
    if not isinstance(value, bool):
        raise OptionError(name, "True or False", value)


def check_int(name: str, value: object, most: int) -> None:
    """Refuse what isn't an integer from 1 to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise OptionError(name, f"an integer, 1 to {most}", value)


def check_seconds(name: str, value: object) -> None:
    """Refuse what is no time to wait."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MAX_SECONDS:
        raise OptionError(name, "a positive number of seconds, at most ten years", value)


def check_urls(urls: object) -> None:
    """Refuse what isn't a sequence of at least one string."""
    if isinstance(urls, str | bytes) or not isinstance(urls, Sequence) or not urls:
        raise OptionError("urls", "a sequence of at least one URL or absolute path")
    for number, url in enumerate(urls):
        if not isinstance(url, str):
            raise OptionError(f"urls[{number}]", "a string", type(url).__name__)


def as_directory(name: str, value: object) -> Path | None:
    """Return the folder's path; None for None."""
    if value is None:
        return None
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str) or not path or "\0" in path:
        raise OptionError(name, "a folder's path or None", value)
    return Path(path)
