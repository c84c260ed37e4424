"""URLs in the configuration. They are kept as text; the part that uses a URL validates it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from mtg.config.redaction import redact


class HTTPSURL(str):
    """An https:// URL."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        try:
            url = urlsplit(value if isinstance(value, str) and re.fullmatch(r"[!-~]{1,2000}", value) else "")
            is_right = url.scheme == "https" and url.hostname and url.port != 0
        except ValueError:  # from urlsplit, or from .port, which parses when it is read
            is_right = False
        if not is_right:
            raise ValueError("an https:// URL")
        return cls(value)


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
