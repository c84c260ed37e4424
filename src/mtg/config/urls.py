"""URLs in the configuration. They are kept as text; the part that uses a URL validates it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from mtg.config.redaction import redact


@dataclass(frozen=True, slots=True)
class PrivateURL:
    """A URL that may contain a password: neither repr nor str shows its user part; `url` does.

    No message shows a value of this type: in an invalid URL, the password may be anywhere.
    """

    url: str = field(repr=False)

    def __str__(self) -> str:
        return redact(self.url)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        if not isinstance(value, str):
            raise ValueError("a URL as a text")
        return cls(value)
