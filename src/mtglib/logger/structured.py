"""A `Logger` that writes lines.

To a file or a pipe it writes JSON with mtg's field names; on a terminal, coloured lines, made by structlog. Both
structlog and msgspec are optional: without them the standard library writes the same JSON, more slowly, also on a
terminal. A message below the logger's level costs one empty method call. A log that can't be written, or that nobody
reads, never stops the proxy.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TextIO, TypeAlias, get_args

from ..errors import OptionError
from .line_writer import Writer, writer_for
from .masking import mask_client_ip

Level: TypeAlias = Literal["debug", "info", "warning"]
"""The least important messages that a logger writes."""

LEVELS: Final[tuple[Level, ...]] = get_args(Level)
"""All levels, the one that writes most first."""

_Fields: TypeAlias = Mapping[str, Any]
_Render: TypeAlias = Callable[[str, str, _Fields], str]
"""Makes a line of a level (debug, info, warning), a message and fields."""

_MTG_LEVELS: Final = {"warning": "warn"}  # mtg's spelling, which filters and dashboards know
_PLAIN: Final = frozenset((bool, int, float, str, type(None)))


def make_logger(
    *, level: Level = "info", stream: TextIO | None = None, mask_client_addresses: bool = False
) -> StructLogger:
    """Make a root logger that writes JSON lines or, on a terminal and with structlog installed, coloured ones.

    A thread writes the lines, so that a stalled reader or disk never blocks the caller. Up to 4096 lines wait; further
    ones are dropped and counted in a warning, as are lines that don't fit on a full disk. `flush` waits until all lines
    are written. Only an `io.StringIO` is written to directly. Lines for a terminal, a pipe, a socket or a file are in
    UTF-8.

    Args:
        level: What to write: "warning" what needs attention; "info" normal operation as well, a line for each client
            among it; "debug" everything, visitors and tracebacks of errors included.
        stream: Where to write; stderr by default.
        mask_client_addresses: Write a client's network (IPv4 /24, IPv6 /48) instead of its address.

    Raises:
        OptionError: There is no such level.
    """
    logger_class = _class_for(level)
    stream = stream or sys.stderr or open(os.devnull, "w")  # noqa: SIM115  # lives as long as the program
    render = _for_a_terminal() if stream.isatty() else _as_json()
    if mask_client_addresses:
        render = _masked(render)

    def on_dropped(count: int) -> None:
        logger.bind(count=count).warning(
            "log: lines were dropped because they could not be written, or not fast enough"
        )

    lines = _Lines(writer_for(stream, on_dropped), render)
    logger = logger_class(lines)
    return logger


class _Lines:
    """The destination and the format of lines. There may be one for each connection, so this is optimised for speed."""

    __slots__ = ("_msg", "_render")

    def __init__(self, writer: Writer, render: _Render) -> None:
        self._msg = writer.msg
        self._render = render

    def write(self, level: str, message: str, fields: _Fields) -> None:
        try:  # noqa: SIM105  # `suppress` is a tenth of the whole price
            self._msg(self._render(level, message, fields))
        except Exception:  # noqa: S110  # a closed stream, a field whose str() raises
            pass


class StructLogger:
    """What `make_logger` returns: for the level "info" this class, for another one a subclass."""

    __slots__ = ("_fields", "_lines", "_name")

    debug_enabled = False
    info_enabled = True

    def __init__(self, lines: _Lines, name: str = "", fields: _Fields | None = None) -> None:
        self._lines = lines
        self._name = name
        self._fields: _Fields = {} if fields is None else fields

    def named(self, name: str) -> StructLogger:
        """Return a child whose name is this one's, a dot and `name`."""
        full_name = f"{self._name}.{name}" if self._name else name
        return type(self)(self._lines, full_name, {**self._fields, "logger": full_name})

    def bind(self, **fields: Any) -> StructLogger:
        """Return a child that adds these fields to every message."""
        return type(self)(self._lines, self._name, {**self._fields, **fields})

    def with_level(self, level: Level) -> StructLogger:
        """Return a logger with the same fields, which writes to the same place, but has another level.

        Raises:
            OptionError: There is no such level.
        """
        return _class_for(level)(self._lines, self._name, self._fields)

    def debug(self, message: str, *, error: BaseException | None = None) -> None:
        """Do nothing."""

    def info(self, message: str, *, error: BaseException | None = None) -> None:
        """Log normal operation."""
        self._write("info", message, error)

    def warning(self, message: str, *, error: BaseException | None = None) -> None:
        """Log something that needs attention."""
        self._write("warning", message, error)

    def _write(self, level: str, message: str, error: BaseException | None) -> None:
        fields = self._fields if error is None else {**self._fields, **self._error_fields(error)}
        self._lines.write(level, message, fields)

    def _error_fields(self, error: BaseException) -> _Fields:
        return {"error": _error_text(error)}


class DebugLogger(StructLogger):
    """Writes debug messages and tracebacks of errors, too."""

    __slots__ = ()

    debug_enabled = True

    def debug(self, message: str, *, error: BaseException | None = None) -> None:
        """Log details for debugging."""
        self._write("debug", message, error)

    def _error_fields(self, error: BaseException) -> _Fields:
        return {"error": _error_text(error), "exception": "".join(traceback.format_exception(error))}


class WarningLogger(StructLogger):
    """Writes warnings only."""

    __slots__ = ()

    info_enabled = False

    def info(self, message: str, *, error: BaseException | None = None) -> None:
        """Do nothing."""


def _class_for(level: Level) -> type[StructLogger]:
    classes = {"debug": DebugLogger, "info": StructLogger, "warning": WarningLogger}
    if level not in LEVELS:
        raise OptionError("level", f"one of {', '.join(LEVELS)}", level)
    return classes[level]


def _error_text(error: BaseException) -> str:
    text = _text(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _as_json() -> _Render:
    """Mtg's line: level, fields (the logger's name among them), Unix milliseconds, message."""
    encode = _encoder()

    def render(level: str, message: str, fields: _Fields) -> str:
        # The level comes first in the line, and fields can't change it.
        line = {"level": "", **fields, "timestamp": time.time_ns() // 1_000_000, "message": message}
        line["level"] = _MTG_LEVELS.get(level, level)
        if not _PLAIN.issuperset(map(type, line.values())):
            line = _plain(line)
        try:
            return encode(line)
        except (TypeError, ValueError, OverflowError):  # lone surrogates, huge numbers
            return json.dumps(line)

    return render


def _encoder() -> Callable[[_Fields], str]:
    try:
        import msgspec  # imported here, since only JSON loggers need it
    except ModuleNotFoundError:
        return functools.partial(json.dumps, separators=(",", ":"))
    return lambda line: msgspec.json.encode(line, enc_hook=str).decode()


def _plain(value: Any) -> Any:
    """Return JSON values unchanged, others as text: msgspec would expand dataclasses and show a Secret's key."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, dict):
        return {key if isinstance(key, str) else _text(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return [_plain(item) for item in value]
    return _text(value)


def _text(value: Any) -> str:
    """Return `str(value)`, or its type if that fails: the line's other fields still matter."""
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"


def _masked(render: _Render) -> _Render:
    def masked(level: str, message: str, fields: _Fields) -> str:
        return render(level, message, mask_client_ip(fields))

    return masked


def _for_a_terminal() -> _Render:
    """Lines for people: local time, colours unless NO_COLOR is set."""
    try:
        import structlog  # imported here, since only coloured lines need it
    except ModuleNotFoundError:
        return _as_json()

    drawing = structlog.dev.ConsoleRenderer(
        colors=not os.environ.get("NO_COLOR"),
        pad_event_to=0,
        sort_keys=False,
        exception_formatter=structlog.dev.plain_traceback,
    )

    def render(level: str, message: str, fields: _Fields) -> str:
        event = {**fields, "event": message, "level": level, "timestamp": time.strftime("%H:%M:%S")}
        return drawing(None, level, {key: _without_controls(key, value) for key, value in event.items()})

    return render


def _without_controls(key: str, value: Any) -> str:
    """Remove control characters sent by peers, which could control the terminal; tracebacks keep their lines."""
    text = ", ".join(map(_text, value)) if isinstance(value, list) else _text(value)
    return text if text.isprintable() or key == "exception" else repr(text)
