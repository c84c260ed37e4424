"""A part of a proxy that fails, and what a logger was told."""

from __future__ import annotations

from typing import Any, NoReturn

from integration.recording_logger import RecordingLogger


def said(logger: RecordingLogger) -> list[tuple[str, str]]:
    """Return (level, text) of every message."""
    return [(message.level, message.text) for message in logger.messages]


class Broken:
    """Every part at once, each of whose methods raises."""

    def __getattr__(self, method: str) -> Any:
        if method.startswith("_"):
            raise AttributeError(method)
        return self._fail

    def _fail(self, *_positional: object, **_named: object) -> NoReturn:
        raise ZeroDivisionError("this part is broken")
