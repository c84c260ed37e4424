"""The loggers of the program and of its parts, as configured."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import mtglib
from mtg.config import Config, Loaded
from mtg.replaceable_logger import ReplaceableLogger
from mtglib.logger import Level, StructLogger, make_logger


def build_logger(loaded: Loaded) -> mtglib.Logger:
    """The program's log. Its level is at least "info", so that the start and the end are always in it."""
    level = cast(Level, loaded.config.log_level)
    return make_logger(
        level="info" if level == "warning" else level, mask_client_addresses=loaded.config.mask_client_addresses
    )


def of_log_level(logger: mtglib.Logger, config: Config) -> mtglib.Logger:
    """Return a logger for the parts, which drops what `log-level` doesn't ask for; one of a test gets all messages."""
    return logger.with_level(cast(Level, config.log_level)) if isinstance(logger, StructLogger) else logger


class Logs:
    """The program's loggers. Parts keep them when a reload changes what they do.

    Args:
        loaded: The configuration.
        build: Makes the program's logger for a configuration.

    Attributes:
        program: Gets what the program itself has to say.
        parts: Gets from the parts what `log-level` asks for.
    """

    def __init__(self, loaded: Loaded, build: Callable[[Loaded], mtglib.Logger]) -> None:
        self._build = build
        self._settings = _settings(loaded.config)
        logger = build(loaded)
        self.program = ReplaceableLogger(logger)
        self.parts = ReplaceableLogger(of_log_level(logger, loaded.config))

    def follow(self, loaded: Loaded) -> None:
        """Log as a configuration says."""
        if self._settings == _settings(loaded.config):
            return
        self._settings = _settings(loaded.config)
        logger = self._build(loaded)
        self.program.replace(logger)
        self.parts.replace(of_log_level(logger, loaded.config))


def _settings(config: Config) -> tuple[str, bool]:
    return config.log_level, config.mask_client_addresses
