"""A logger that never raises, and warnings that are limited to one a minute."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..interfaces import Logger
from ..noop import NoopLogger
from ..part_check import check_part

_WARN_EACH_SECONDS = 60.0


class GuardedLogger:
    """A `Logger` that ignores the failures of another one.

    A part that wraps the logger it is given in one of these never has to handle a logger that raises. If the wrapped
    logger fails to make a child, `named` and `bind` return this logger itself.

    Args:
        logger: Gets the messages; None: nothing is logged.
    """

    def __init__(self, logger: Logger | None) -> None:
        self._logger = NoopLogger() if logger is None else logger

    def named(self, name: str) -> GuardedLogger:
        """See `Logger.named`."""
        try:
            return self._or_self(self._logger.named(name))
        except Exception:
            return self

    def bind(self, **fields: Any) -> GuardedLogger:
        """See `Logger.bind`."""
        try:
            return self._or_self(self._logger.bind(**fields))
        except Exception:
            return self

    @property
    def debug_enabled(self) -> bool:
        """Whether debug messages are logged; True if the logger doesn't say."""
        return self._is_enabled("debug_enabled")

    @property
    def info_enabled(self) -> bool:
        """Whether info messages are logged; True if the logger doesn't say."""
        return self._is_enabled("info_enabled")

    def debug(self, message: str, *, error: BaseException | None = None) -> None:
        """See `Logger.debug`."""
        with suppress(Exception):
            self._logger.debug(message, error=error)

    def info(self, message: str, *, error: BaseException | None = None) -> None:
        """See `Logger.info`."""
        with suppress(Exception):
            self._logger.info(message, error=error)

    def warning(self, message: str, *, error: BaseException | None = None) -> None:
        """See `Logger.warning`."""
        with suppress(Exception):
            self._logger.warning(message, error=error)

    def _is_enabled(self, attribute: str) -> bool:
        try:
            return bool(getattr(self._logger, attribute, True))
        except Exception:
            return True

    def _or_self(self, child: Logger) -> GuardedLogger:
        return GuardedLogger(child) if callable(getattr(child, "info", None)) else self


def checked_logger(logger: Logger | None) -> GuardedLogger:
    """Guard the logger that a part was given, as its argument `logger`.

    Raises:
        OptionError: It is neither a `Logger` nor None.
    """
    if logger is not None:
        check_part("logger", logger, Logger)
    return GuardedLogger(logger)


class Warnings:
    """Says each thing at most once a minute, however often it happens.

    Args:
        logger: Gets the warnings.
        clock: Returns monotonic seconds.
    """

    def __init__(self, logger: GuardedLogger, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._said_at_mono: dict[str, float] = {}

    def use(self, logger: GuardedLogger) -> None:
        """Warn through another logger from now on."""
        self._logger = logger

    def warn(self, subject: str, message: str, *, error: BaseException | None = None) -> None:
        """Warn, unless there was a warning about `subject` within the last minute."""
        now_mono = self._clock()
        if now_mono - self._said_at_mono.get(subject, -_WARN_EACH_SECONDS) >= _WARN_EACH_SECONDS:
            self._said_at_mono[subject] = now_mono
            self._logger.warning(message, error=error)

    def part_failed(self, part: object, method: str, error: BaseException) -> None:
        """Warn that a user's part raised or was late."""
        name = f"{type(part).__name__}.{method}"
        self.warn(name, f"{name} failed: {type(error).__name__}", error=error)
