"""Parts of a proxy that keep what they are given, or that fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn


@dataclass(frozen=True)
class Logged:
    """One message: its level, the logger's dotted name and fields."""

    level: str
    message: str
    name: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    error: BaseException | None = None


class RecordingLogger:
    """A `Logger` whose children write into their parent's list, too."""

    def __init__(
        self, logged: list[Logged] | None = None, name: str = "", fields: dict[str, Any] | None = None
    ) -> None:
        self.logged: list[Logged] = [] if logged is None else logged
        self._name = name
        self._fields = fields or {}

    @property
    def messages(self) -> list[tuple[str, str]]:
        """(level, message) of everything."""
        return [(entry.level, entry.message) for entry in self.logged]

    def named(self, name: str) -> RecordingLogger:
        return RecordingLogger(self.logged, f"{self._name}.{name}".lstrip("."), self._fields)

    def bind(self, **fields: Any) -> RecordingLogger:
        return RecordingLogger(self.logged, self._name, self._fields | fields)

    def debug(self, message: str, *, error: BaseException | None = None) -> None:
        self._log("debug", message, error)

    def info(self, message: str, *, error: BaseException | None = None) -> None:
        self._log("info", message, error)

    def warning(self, message: str, *, error: BaseException | None = None) -> None:
        self._log("warning", message, error)

    def _log(self, level: str, message: str, error: BaseException | None) -> None:
        self.logged.append(Logged(level, message, self._name, self._fields, error))


class Broken:
    """Every part at once, each of whose methods raises."""

    def __getattr__(self, method: str) -> Any:
        if method.startswith("_") or method == "persistent":
            raise AttributeError(method)
        return self._fail

    def _fail(self, *_positional: object, **_named: object) -> NoReturn:
        raise ZeroDivisionError("this part is broken")
