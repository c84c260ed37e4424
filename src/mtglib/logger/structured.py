"""A log of lines: structlog behind the `Logger` interface.

JSON with mtg's field names where the stream is a file or a pipe, coloured lines on a terminal. A debug call costs one
empty method call while debugging is off. A log that can't be written never stops the proxy, nor does one that nobody
reads.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import msgspec
import structlog

from .line_writer import writer_for
from .masking import mask_client_ip

_MTG_LEVELS = {"warning": "warn"}  # mtg's spelling, which filters and dashboards know


def make_logger(
    *, debug: bool = False, stream: TextIO | None = None, mask_client_addresses: bool = False
) -> StructLogger:
    """Make a root logger.

    A thread writes, so that neither a reader that stands still nor a stalled disk holds you up: 4096 lines wait, and
    more are dropped and counted in a warning, as are those for which a disk has no room. `flush` waits for what was
    logged. Only an `io.StringIO` is written to at once. Lines for a terminal, a pipe, a socket or a file are in UTF-8.

    Args:
        debug: Write debug messages, too, and tracebacks of errors.
        stream: Where to write; stderr by default.
        mask_client_addresses: Write the network that a client is in (IPv4 /24, IPv6 /48) in place of its address.
    """
    stream = stream or sys.stderr or open(os.devnull, "w")  # noqa: SIM115  # lives as long as the program
    renderers: list[Any] = _console() if stream.isatty() else [_as_json]
    if mask_client_addresses:
        renderers.insert(0, mask_client_ip)

    def on_dropped(count: int) -> None:
        logger.bind(count=count).warning("log: lines were dropped, as they could not be written in time, or not at all")

    bound = structlog.wrap_logger(
        writer_for(stream, on_dropped),
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if debug else logging.INFO),
        processors=[structlog.processors.add_log_level, *renderers],
    ).bind()
    logger = DebugLogger(bound) if debug else StructLogger(bound)
    return logger


class StructLogger:
    """A logger that drops debug messages; `DebugLogger` keeps them. Both implement `Logger`."""

    debug_enabled = False

    def __init__(self, bound: Any, name: str = "") -> None:
        self._bound = bound
        self._name = name

    def named(self, name: str) -> StructLogger:
        """A child called `parent.name`."""
        full_name = f"{self._name}.{name}" if self._name else name
        return type(self)(self._bound.bind(logger=full_name), full_name)

    def bind(self, **fields: Any) -> StructLogger:
        """A child whose messages carry `fields` as well."""
        return type(self)(self._bound.bind(**fields), self._name)

    def debug(self, message: str, *, error: BaseException | None = None) -> None:
        """Dropped."""

    def info(self, message: str, *, error: BaseException | None = None) -> None:
        """What an operator wants to see."""
        self._write(self._bound.info, message, error)

    def warning(self, message: str, *, error: BaseException | None = None) -> None:
        """What an operator should look at."""
        self._write(self._bound.warning, message, error)

    def _write(self, write: Any, message: str, error: BaseException | None) -> None:
        with contextlib.suppress(Exception):  # a full disk, a closed stream, a field whose str() raises
            write(message, **self._error_fields(error))

    def _error_fields(self, error: BaseException | None) -> Mapping[str, str]:
        return {} if error is None else {"error": _error_text(error)}


class DebugLogger(StructLogger):
    """Writes debug messages too, and where an error came from."""

    debug_enabled = True

    def debug(self, message: str, *, error: BaseException | None = None) -> None:
        """What helps to find a fault."""
        self._write(self._bound.debug, message, error)

    def _error_fields(self, error: BaseException | None) -> Mapping[str, str]:
        if error is None:
            return {}
        return {"error": _error_text(error), "exception": "".join(traceback.format_exception(error))}


def _error_text(error: BaseException) -> str:
    text = _text(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _as_json(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    """Mtg's line: level, the logger's name, fields, Unix milliseconds, message."""
    message, level = event.pop("event"), event.pop("level")
    line = {"level": _MTG_LEVELS.get(level, level), **event}
    line |= {"timestamp": time.time_ns() // 1_000_000, "message": message}
    try:
        return msgspec.json.encode(_plain(line), enc_hook=str).decode()
    except (TypeError, ValueError, OverflowError):  # lone surrogates, huge numbers
        return json.dumps(_plain(line))


def _plain(value: Any) -> Any:
    """Values as JSON has them, others as text: msgspec would take dataclasses apart and show a Secret's key."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, dict):
        return {key if isinstance(key, str) else _text(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return [_plain(item) for item in value]
    return _text(value)


def _text(value: Any) -> str:
    """Return `str(value)`, or what it is where that fails: the line's other fields still count."""
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"


def _console() -> list[Any]:
    """Processors for people: local time, colours unless NO_COLOR is set."""
    colours = not os.environ.get("NO_COLOR")
    return [
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
        _escape_controls,
        structlog.dev.ConsoleRenderer(
            colors=colours, pad_event_to=0, sort_keys=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ]


def _escape_controls(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What peers sent must not steer the terminal; our own tracebacks keep their lines."""
    for key, value in event.items():
        text = ", ".join(map(_text, value)) if isinstance(value, list) else _text(value)
        event[key] = text if text.isprintable() or key == "exception" else repr(text)
    return event
