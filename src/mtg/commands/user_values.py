"""What the options of `mtg users add` and `set` mean, as the API takes it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mtg.config.redaction import redact, shown
from mtg.config.small_file import read_small_file
from mtg.config.values import Duration
from mtg.user_error import EXIT_USAGE, UserError, os_reason

NONE = "none"
"""Takes a limit away."""

_MOST_SECRET_BYTES = 4096


def user_values(options: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the values of the options that were given. They are those of the configuration, and so are their keys.

    Raises:
        UserError: With EXIT_USAGE and a line for each number that is none. The proxy checks all else.
    """
    values: dict[str, Any] = {}
    problems = []
    for option, text in options.items():
        key = option.replace("_", "-")
        if text is None or text == NONE:
            values |= {} if text is None else {key: None}
        elif key == "expires":
            values[key] = _expires(text)
        elif not key.startswith("max-"):
            values[key] = text
        elif text.isascii() and text.isdigit() and len(text) < 10:
            values[key] = int(text)
        else:
            problems.append(f'--{key}: expected a number, or "{NONE}", got {shown(text)}')
    if problems:
        raise UserError(problems, exit_code=EXIT_USAGE)
    return values


def read_secret(path: Path) -> str:
    """Read a secret from a file, or from stdin where that is "-".

    Raises:
        UserError: The file can't be read, or isn't text.
    """
    try:
        if str(path) == "-":
            return sys.stdin.buffer.readline(_MOST_SECRET_BYTES).decode("ascii").strip()
        return read_small_file(path, _MOST_SECRET_BYTES).decode("ascii").strip()
    except OSError as error:
        problem = os_reason(error)
    except UnicodeDecodeError:
        problem = "expected a secret in hex or base64"
    except ValueError as error:
        problem = str(error)
    raise UserError(f"--secret-file: {redact(str(path))}: {problem}", exit_code=EXIT_USAGE)


def _expires(text: str) -> str:
    """Return the date and time that is a duration away; other texts are for the proxy."""
    try:
        ahead_seconds = Duration.parse(text)
    except ValueError:
        return text
    return datetime.fromtimestamp(round(time.time() + ahead_seconds), UTC).isoformat()
