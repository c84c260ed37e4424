"""A logger whose destination and level can change while parts keep it."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import mtglib


class ReplaceableLogger:
    """A `Logger` that passes everything to another one, which can be replaced.

    Children made by `named` follow. Those made by `bind` don't: they are made for a message or for a connection.

    Args:
        logger: Gets the messages.
        parent: What passes on a replacement; kept, as nobody else may keep it.
    """

    def __init__(self, logger: mtglib.Logger, parent: ReplaceableLogger | None = None) -> None:
        self._logger = logger
        self._parent = parent
        self._children: WeakKeyDictionary[ReplaceableLogger, str] = WeakKeyDictionary()

    def replace(self, logger: mtglib.Logger) -> None:
        """Pass later messages to this logger."""
        self._logger = logger
        for child, name in self._children.items():
            child.replace(logger.named(name))

    def named(self, name: str) -> ReplaceableLogger:
        """See `Logger.named`."""
        child = ReplaceableLogger(self._logger.named(name), self)
        self._children[child] = name
        return child

    def bind(self, **fields: Any) -> mtglib.Logger:
        """See `Logger.bind`."""
        return self._logger.bind(**fields)

    @property
    def debug_enabled(self) -> bool:
        """Whether debug messages are logged."""
        return bool(getattr(self._logger, "debug_enabled", True))

    @property
    def info_enabled(self) -> bool:
        """Whether info messages are logged."""
        return bool(getattr(self._logger, "info_enabled", True))

    def debug(self, message: str, *, error: BaseException | None = None) -> None:
        """See `Logger.debug`."""
        self._logger.debug(message, error=error)

    def info(self, message: str, *, error: BaseException | None = None) -> None:
        """See `Logger.info`."""
        self._logger.info(message, error=error)

    def warning(self, message: str, *, error: BaseException | None = None) -> None:
        """See `Logger.warning`."""
        self._logger.warning(message, error=error)
