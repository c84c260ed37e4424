"""Why a list can't be read, in words that may be shown."""

from __future__ import annotations

import traceback
from collections.abc import Sequence

_MAX_CHARS = 300


class ListError(Exception):
    """A list can't be read, or isn't an IP list. The message says why and contains no secret."""


def presentable(error: Exception, secrets: Sequence[str]) -> Exception:
    """Return the error if a log may show it with its causes, otherwise a `ListError` with its text, redacted.

    Args:
        error: Any error: networks are the user's, and their HTTP clients repeat text that servers send.
        secrets: Texts that must not be shown.
    """
    text = str(error)
    shown = "".join(traceback.format_exception(error))
    if len(text) <= _MAX_CHARS and text.isprintable() and not any(secret in shown for secret in secrets):
        return error
    for secret in secrets:
        text = text.replace(secret, "***")
    printable = "".join(char if char.isprintable() else " " for char in text[:_MAX_CHARS])
    return ListError(f"{type(error).__name__}: {printable}")
