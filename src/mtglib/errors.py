"""Everything mtglib raises, under one base class, grouped by whose fault it is.

`OptionError` and `ProxyUseError` are the embedder's fault, `ClientError` is the connecting peer's, and `UpstreamError`
is that of the network between us and Telegram or the fronting site. The last two end one connection and appear in logs
only; the others reach the embedder.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from .reasons import Reason

_NOTHING: Final = object()
_LONGEST_SHOWN = 200


class MtglibError(Exception):
    """Base of all errors of this library. They can be pickled and copied, so they can cross process boundaries."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception.__reduce__ would call the class with the message alone, but some errors take other arguments.
        return _rebuilt, (type(self), self.args), self.__dict__


class OptionError(MtglibError, ValueError):
    """An option has an invalid value.

    Its message is one line.

    Args:
        field: The option's name, as in `ProxyOpts`.
        expected: The values that are valid, in words.
        got: The value. Its `repr` is shown, shortened if it is long. Left out if the value may contain a secret.

    Attributes:
        field: As given.
        expected: As given.
    """

    def __init__(self, field: str, expected: str, got: Any = _NOTHING) -> None:
        super().__init__(f"{field}: expected {expected}" + ("" if got is _NOTHING else f", got {_shown(got)}"))
        self.field = field
        self.expected = expected


class UnknownOptionError(OptionError, TypeError):
    """There is no option of this name; the message suggests the one with the most similar name.

    Args:
        field: The name.
        names: The names of the existing options.
    """

    def __init__(self, field: str, names: Iterable[str]) -> None:
        import difflib  # imported here: it takes milliseconds and is rarely needed

        near = difflib.get_close_matches(field, names, n=1)
        super().__init__(field, "the name of an option" + (f"; did you mean {near[0]}?" if near else ""))


class SecretEmptyError(OptionError):
    """The secret is empty (contract: ErrSecretEmpty)."""

    def __init__(self, expected: str = "a secret") -> None:
        super().__init__("secret", f"{expected}, got nothing")


class SecretInvalidError(OptionError):
    """The secret is invalid (contract: ErrSecretInvalid). The message never repeats it."""

    def __init__(self, expected: str) -> None:
        super().__init__("secret", expected)


class PartIsNotDefinedError(OptionError):
    """A mandatory part is missing, or lacks methods of its interface."""


class NetworkIsNotDefinedError(PartIsNotDefinedError):
    """`network` is missing (contract: ErrNetworkIsNotDefined)."""


class AntiReplayCacheIsNotDefinedError(PartIsNotDefinedError):
    """`anti_replay_cache` is missing (contract: ErrAntiReplayCacheIsNotDefined)."""


class IPBlocklistIsNotDefinedError(PartIsNotDefinedError):
    """`ip_blocklist` is missing (contract: ErrIPBlocklistIsNotDefined)."""


class IPAllowlistIsNotDefinedError(PartIsNotDefinedError):
    """`ip_allowlist` is given, but isn't a list (contract: ErrIPAllowlistIsNotDefined)."""


class EventStreamIsNotDefinedError(PartIsNotDefinedError):
    """`event_stream` is missing (contract: ErrEventStreamIsNotDefined)."""


class LoggerIsNotDefinedError(PartIsNotDefinedError):
    """`logger` is missing (contract: ErrLoggerIsNotDefined)."""


class ProxyUseError(MtglibError, RuntimeError):
    """Wrong use of a proxy or resolver: in a second event loop, after a fork, or the same listener served twice."""


class ProxyShutDownError(ProxyUseError):
    """A proxy was asked to serve after it was shut down."""


class EngineError(MtglibError, RuntimeError):
    """The relay engine can't be used: not built, or started before a fork."""


class ClientError(MtglibError):
    """The connection isn't from a client of ours, or the client breaks the protocol.

    Attributes:
        reason: Why, for events, metrics and the log.
        user: The user that may not come in, if that is why.
    """

    def __init__(self, reason: Reason, message: str, user: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.user = user


class UpstreamError(MtglibError):
    """A DC or the fronting site can't be reached, or the site turned out to be this proxy itself."""


def _rebuilt(kind: type[MtglibError], args: tuple[Any, ...]) -> MtglibError:
    """Make an error with these `args`, past its own `__init__`."""
    error = kind.__new__(kind)
    error.args = args
    return error


def _shown(value: Any) -> str:
    """Return one line about a value of any type."""
    text = repr(value)
    if not text.isprintable():
        return f"something of type {type(value).__name__}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
