"""Errors of networks and resolvers that are more specific than an `OSError`."""

from __future__ import annotations

from typing import Any


class TargetUnreachableError(OSError):
    """The network works, but reports that this one target can't be reached.

    A `CircuitBreaker` doesn't count it as a failure. A network of your own may raise it, too.
    """


class CircuitOpenError(OSError):
    """The network has failed too often and isn't tried for now."""


class ResolverClosedError(OSError):
    """The resolver is closed, or was closed before it could answer."""

    def __init__(self) -> None:
        super().__init__("the resolver was closed")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (), self.__dict__
