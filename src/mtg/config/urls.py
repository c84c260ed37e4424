"""URLs in the configuration. They are kept as text; the part that uses a URL validates it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Self

from mtg.config.redaction import redact

_CLEAR = re.compile(r"[a-z]+://([^/?#]*@)?[A-Za-z0-9.-]*(:[0-9]{1,5})?([/?#][^@:]*)?|[^@:]*", re.IGNORECASE)
"""A URL whose user part and query are easily told from the rest, or a text that has no user part."""


@dataclass(frozen=True, slots=True)
class PrivateURL:
    """A URL that may contain a password: neither repr nor str shows its user part; `url` does.

    No message shows a value of this type, unless a subclass allows it: in an invalid URL, the password may be anywhere.
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

    @staticmethod
    def may_be_shown(_written: str) -> bool:
        """Whether a message may show it, redacted."""
        return False


class PageURL(PrivateURL):
    """A URL of a page that anyone can load, so hardly ever with a password."""

    __slots__ = ()

    @staticmethod
    def may_be_shown(written: str) -> bool:
        """Whether a message may show it, redacted: if it is clear where a password would be."""
        return _CLEAR.fullmatch(written) is not None
