"""Everything mtglib raises, under one base class, by whose fault it is.

`OptionError` is the embedder's, `ClientError` the peer's that connected to us, `UpstreamError` the network's
behind us. Only `OptionError` and `ProxyShutDownError` reach an embedder; the other two end one connection and are
seen in logs.
"""

from typing import Any


class MtglibError(Exception):
    """Base of all errors of this library."""


class OptionError(MtglibError, ValueError):
    """An option has a value that can't work.

    Attributes:
        field: The option's name, as in `ProxyOpts`.
        expected: What would have been right, in words.
    """

    def __init__(self, field: str, expected: str, got: Any = None) -> None:
        super().__init__(f"{field}: expected {expected}" + ("" if got is None else f", got {got!r}"))
        self.field = field
        self.expected = expected


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


class ProxyShutDownError(MtglibError, RuntimeError):
    """A proxy that was shut down was asked to serve."""


class EngineError(MtglibError, RuntimeError):
    """The relay engine can't be used: not built, or started before a fork."""


class ClientError(MtglibError):
    """The client isn't ours, or breaks the protocol.

    Attributes:
        reason: One of "not_tls", "digest", "sni", "clock", "replay", "timeout", "frame", "closed", "unknown_dc".
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class UpstreamError(MtglibError):
    """A DC or the fronting site can't be reached."""
