"""Reads a TOML file; an error is one line with the file's name and the number of the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mtg.config.redaction import redact
from mtg.config.small_file import read_small_file
from mtg.config.toml import TOMLError, parse_toml
from mtg.user_error import EXIT_USAGE, UserError, os_reason

_MAX_BYTES = 4 * 1024 * 1024
_PIPE_TIMEOUT = 5.0


def read_text(path: Path, *, may_be_pipe: bool = True) -> str:
    """Return the text of a file.

    Args:
        path: The file.
        may_be_pipe: Whether it may be a pipe, such as a shell's `<(...)`.

    Raises:
        UserError: With EXIT_USAGE: it can't be read, or isn't UTF-8.
    """
    try:
        raw = read_small_file(path, _MAX_BYTES, pipe_timeout=_PIPE_TIMEOUT if may_be_pipe else None)
    except OSError as error:
        raise _unreadable(str(path), os_reason(error)) from None
    except ValueError as error:
        raise _unreadable(str(path), str(error)) from None
    try:
        return raw.decode("utf-8-sig")  # editors on Windows write a byte order mark
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _unreadable(f"{path}:{line}", "expected UTF-8") from None


def table_of(path: Path, text: str) -> dict[str, Any]:
    """Return the table of a file's text.

    Raises:
        UserError: With EXIT_USAGE: it isn't TOML.
    """
    try:
        return parse_toml(text)
    except TOMLError as error:
        place = path if error.line is None else f"{path}:{error.line}"
        raise _unreadable(str(place), str(error)) from None


def _unreadable(source: str, problem: str) -> UserError:
    """The error about a file. Its name is redacted: somebody will write the secret itself in its place."""
    return UserError(f"{redact(source)}: {problem}", exit_code=EXIT_USAGE)
