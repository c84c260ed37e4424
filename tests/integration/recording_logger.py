"""A Logger that keeps what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Message:
    """One call of a logger's method; the error as text, since the real one would keep its connection alive."""

    level: str
    name: str
    text: str
    fields: Mapping[str, Any]
    error: str


@dataclass(frozen=True)
class RecordingLogger:
    """All children keep their messages in one list."""

    name: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)

    def named(self, name: str) -> RecordingLogger:
        return RecordingLogger(f"{self.name}.{name}".strip("."), self.fields, self.messages)

    def bind(self, **fields: Any) -> RecordingLogger:
        return RecordingLogger(self.name, {**self.fields, **fields}, self.messages)

    def debug(self, message: str, *, error: BaseException | None = None) -> None:
        self.keep("debug", message, error)

    def info(self, message: str, *, error: BaseException | None = None) -> None:
        self.keep("info", message, error)

    def warning(self, message: str, *, error: BaseException | None = None) -> None:
        self.keep("warning", message, error)

    def keep(self, level: str, message: str, error: BaseException | None) -> None:
        """Keep a message; subclasses may do more."""
        self.messages.append(Message(level, self.name, message, self.fields, repr(error) if error else ""))

    @property
    def warnings(self) -> list[str]:
        """The texts of all warnings."""
        return [message.text for message in self.messages if message.level == "warning"]

    def finished(self) -> list[Message]:
        """The last word about each relay: its fields are where it led, its bytes, and why it ended."""
        return [message for message in self.messages if message.text == "finished"]

    def everything(self) -> str:
        """All that a reader of the log would see."""
        return "\n".join(f"{m.level} {m.name} {m.text} {dict(m.fields)} {m.error}" for m in self.messages)
