"""The secret: a key that authenticates clients, and the web site that everyone else sees."""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass
from typing import Any

from .constants import SECRET_KEY_LENGTH_BYTES
from .errors import SecretEmptyError, SecretInvalidError
from .ground.urls import is_ip_or_number

_PREFIX = b"\xee"  # "fake TLS"; dd (padded) and prefixless secrets are obsolete
_MAX_HOST_BYTES = 182  # longer ones don't fit into official clients' ClientHello
_HEX = re.compile(r"[0-9a-fA-F]+")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_SERVER_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")  # RFC 6066: without a dot at the end
_DD = b"\xdd"


@dataclass(frozen=True, slots=True)
class Secret:
    """A key and a host name. Its text form is `ee`, the key and the host, in hex or base64.

    Printing it shows the host only; `hex()` and `base64()` return the text.

    Args:
        key: 16 bytes, not all zero; authenticates clients.
        host: 1 to 182 ASCII characters: the site that probes see, and the name that clients must request.

    Source: https://core.telegram.org/mtproto/mtproto-transports#transport-obfuscation, and the contract.
    """

    key: bytes
    host: str

    @classmethod
    def generate(cls, host: str) -> Secret:
        """Make a secret with a fresh random key.

        The host must be a name that a browser could ask a server for. `parse` is less strict: clients that already have
        a secret ask for the host in it, whatever it is.

        Raises:
            SecretInvalidError: The host can't be used.
        """
        name: Any = host
        if not isinstance(name, str) or not _SERVER_NAME.fullmatch(name) or is_ip_or_number(name):
            raise SecretInvalidError("a host name such as www.example.com, without https:// or a port")
        if len(name) > _MAX_HOST_BYTES:
            raise SecretInvalidError(f"a host name of at most {_MAX_HOST_BYTES} characters")
        return cls(os.urandom(SECRET_KEY_LENGTH_BYTES), name).checked()

    @classmethod
    def parse(cls, text: str) -> Secret:
        """Parse a secret in hex or base64 (either alphabet, padded or not).

        Raises:
            SecretEmptyError: The text is empty.
            SecretInvalidError: The text isn't a secret. The message doesn't repeat it.
        """
        given: Any = text
        if not isinstance(given, str):
            raise SecretInvalidError("text in hex or base64")
        text = text.strip()
        if not text:
            raise SecretEmptyError("hex or base64")
        if "://" in text or "secret=" in text:
            raise SecretInvalidError("only what follows secret= in the link")
        raw = _decode(text)
        if raw.startswith(_DD):
            raise SecretInvalidError(
                "an ee secret: dd secrets aren't supported; mtg generate-secret HOST makes an ee one"
            )
        if not raw.startswith(_PREFIX):
            raise SecretInvalidError("a secret that starts with ee (7 in base64)")
        if len(raw) < 1 + SECRET_KEY_LENGTH_BYTES:
            raise SecretInvalidError("a 16-byte key after ee")
        key, host = raw[1 : 1 + SECRET_KEY_LENGTH_BYTES], raw[1 + SECRET_KEY_LENGTH_BYTES :]
        if not host.isascii():
            raise SecretInvalidError("an ASCII host name after the key")
        return cls(key, host.decode("ascii")).checked()

    @property
    def valid(self) -> bool:
        """Whether a proxy can work with this secret."""
        return self.problem() is None

    def problem(self) -> str | None:
        """Return why the secret is invalid, or None."""
        key: Any = self.key
        host: Any = self.host
        if not isinstance(key, bytes) or len(key) != SECRET_KEY_LENGTH_BYTES:
            return "a 16-byte key"
        if not any(key):
            return "a key that isn't all zero"
        if not isinstance(host, str) or not 1 <= len(host) <= _MAX_HOST_BYTES:
            return f"a host name of 1 to {_MAX_HOST_BYTES} ASCII characters after the key"
        if not _HOST.fullmatch(host):
            return "a host name of letters, digits, hyphens and dots after the key"
        return None

    def checked(self) -> Secret:
        """Return this secret if it is valid.

        Raises:
            SecretInvalidError: It isn't valid.
        """
        if problem := self.problem():
            raise SecretInvalidError(problem)
        return self

    def hex(self) -> str:
        """Return the text in hex, as used in links."""
        return self._raw().hex()

    def base64(self) -> str:
        """Return the text in URL-safe base64 without padding, as used in links."""
        return base64.urlsafe_b64encode(self._raw()).rstrip(b"=").decode("ascii")

    def _raw(self) -> bytes:
        return _PREFIX + self.key + self.host.encode("ascii")

    def __str__(self) -> str:
        return f"Secret(host={self.host!r}, key=***)"

    __repr__ = __str__


def _decode(text: str) -> bytes:
    if _HEX.fullmatch(text):
        if len(text) % 2:
            raise SecretInvalidError("an even number of hex digits")
        return bytes.fromhex(text)
    if text[:2].lower() == _PREFIX.hex():  # base64 begins with 7
        place = next(at for at, digit in enumerate(text, start=1) if not _HEX.fullmatch(digit))
        raise SecretInvalidError(f"hex digits only (0 to 9, a to f), but character {place} isn't one")
    text = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise SecretInvalidError("hex or base64") from None
