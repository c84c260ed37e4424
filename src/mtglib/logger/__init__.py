"""Loggers: lines of JSON or for a terminal, and an adapter for the standard library's."""

from __future__ import annotations

from .line_writer import flush
from .masking import mask_address
from .standard import Standard
from .structured import LEVELS, Level, StructLogger, make_logger

__all__ = ["LEVELS", "Level", "Standard", "StructLogger", "flush", "make_logger", "mask_address"]
