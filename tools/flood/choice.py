"""The combinations to try."""

from __future__ import annotations

from tools.flood.case import Case
from tools.flood.kinds import KINDS


def all_cases() -> list[Case]:
    """Every kind, from one address and from 200, in three sizes, with both relays; and through the Unix socket."""
    cases = [
        Case(kind, origin, concurrency, pure)
        for pure in (False, True)
        for concurrency in (100, 1000, 8192)
        for origin in ("1", "200")
        for kind in KINDS
    ]
    return cases + [Case(kind, "unix", 100, pure) for pure in (False, True) for kind in KINDS]


def default_cases() -> list[Case]:
    """A subset that takes some minutes.

    Every kind against a small proxy, from one address with each relay and from 200 with the engine; the kinds that hold
    the most against larger ones; strangers' hellos against a thousand users; and one through the Unix socket.
    """
    small = [Case(kind, origin, 100, False) for origin in ("1", "200") for kind in KINDS]
    pure = [Case(kind, "1", 100, True) for kind in KINDS]
    large = [
        Case("one-byte", "200", 1000, False),
        Case("foreign-hello", "200", 1000, True),
        Case("site-closed", "1", 1000, False),
        Case("one-byte", "1", 8192, False),
        Case("silent", "200", 8192, False),
    ]
    users = [Case("foreign-hello", origin, 1000, False, users=1000) for origin in ("1", "200")]
    return [*small, *pure, *large, *users, Case("one-byte", "unix", 100, False)]
