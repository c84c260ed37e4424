"""The proxy's log in an application that already uses `logging`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ..errors import OptionError


class Standard:
    """Passes messages on to the standard library's `logging`; fields are appended as `name=value`.

    Args:
        logger: Gets the messages; its level decides which are written. Children use its child loggers.
        fields: Fields to add to every message.

    Raises:
        OptionError: `logger` isn't a `logging.Logger`; the name of one isn't enough.
    """

    def __init__(self, logger: logging.Logger, fields: Mapping[str, Any] | None = None) -> None:
        if not isinstance(logger, logging.Logger):
            raise OptionError("logger", "a logging.Logger", logger)
        self._logger = logger
        self._fields = dict(fields or {})

    @property
    def debug_enabled(self) -> bool:
        """Whether debug messages are written."""
        return self._logger.isEnabledFor(logging.DEBUG)

    @property
    def info_enabled(self) -> bool:
        """Whether info messages are written."""
        return self._logger.isEnabledFor(logging.INFO)

    def named(self, name: str) -> Standard:
        """Return a child whose name is this one's, a dot and `name`."""
        return Standard(self._logger.getChild(name), self._fields)

    def bind(self, **fields: Any) -> Standard:
        """Return a child that adds these fields to every message."""
        return Standard(self._logger, self._fields | fields)

    def debug(self, message: str, *, error: BaseException | None = None) -> None:
        """Log details for debugging, with the error's traceback."""
        self._log(logging.DEBUG, message, error, error)

    def info(self, message: str, *, error: BaseException | None = None) -> None:
        """Log normal operation."""
        self._log(logging.INFO, message, error)

    def warning(self, message: str, *, error: BaseException | None = None) -> None:
        """Log something that needs attention."""
        self._log(logging.WARNING, message, error)

    def _log(
        self, level: int, message: str, error: BaseException | None, traceback_of: BaseException | None = None
    ) -> None:
        if not self._logger.isEnabledFor(level):
            return
        fields = self._fields if error is None else {**self._fields, "error": repr(error)}
        text = " ".join((message, *(f"{name}={value}" for name, value in fields.items())))
        self._logger.log(level, "%s", text, exc_info=traceback_of, stacklevel=3)
