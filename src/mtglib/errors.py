"""Everything mtglib raises, under one base class, by whose fault it is.

`OptionError` is the embedder's, as is `ProxyUseError`; `ClientError` is the peer's that connected to us,
`UpstreamError` the network's behind us. The last two end one connection and are seen in logs, the others reach an
embedder.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from .reasons import Reason

_NOTHING: Final = object()
_LONGEST_SHOWN = 200


class MtglibError(Exception):
    """Base of all errors of this library. They can be pickled and copied, and so come out of worker processes."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own would call the class with the text alone, where an error has other arguments.
        return _rebuilt, (type(self), self.args), self.__dict__


class OptionError(MtglibError, ValueError):
    """An option has a value that can't work.

    Its text is one line.

    Args:
        field: The option's name, as in `ProxyOpts`.
        expected: What would have been right, in words.
        got: The value, whose `repr` is shown as far as it is short; left out for what may hold a secret.

    Attributes:
        field: As given.
        expected: As given.
    """

    def __init__(self, field: str, expected: str, got: Any = _NOTHING) -> None:
        super().__init__(f"{field}: expected {expected}" + ("" if got is _NOTHING else f", got {_shown(got)}"))
        self.field = field
        self.expected = expected


class UnknownOptionError(OptionError, TypeError):
    """There is no option of this name; the text says which one is nearly the same.

    Args:
        field: The name.
        names: Those that there are.
    """

    def __init__(self, field: str, names: Iterable[str]) -> None:
        import difflib  # here, as it takes milliseconds, and nearly nobody needs it

        near = difflib.get_close_matches(field, names, n=1)
        super().__init__(field, "the name of an option" + (f"; did you mean {near[0]}?" if near else ""))


class SecretEmptyError(OptionError):
    """There is no secret (contract: ErrSecretEmpty)."""

    def __init__(self, expected: str = "a secret") -> None:
        super().__init__("secret", f"{expected}, got nothing")


class SecretInvalidError(OptionError):
    """The secret can't be used (contract: ErrSecretInvalid). Its text is never repeated."""

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
    """A proxy, or a resolver, is used where it can't be: in a second event loop, after a fork, or a listener twice."""


class ProxyShutDownError(ProxyUseError):
    """A proxy that was shut down was asked to serve."""


class EngineError(MtglibError, RuntimeError):
    """The relay engine can't be used: not built, or started before a fork."""


class ClientError(MtglibError):
    """The client isn't ours, or breaks the protocol.

    Attributes:
        reason: What is wrong.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


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
