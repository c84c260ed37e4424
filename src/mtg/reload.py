"""What a reload of the configuration has changed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadResult:
    """The result of a reload.

    Attributes:
        is_applied: Whether the file's settings are in use now, but for `unchangeable` ones; otherwise nothing changed.
        changed: Keys that have another value now, such as "domain-fronting.port".
        unchangeable: Keys that have another value in the file, which takes a restart.
        problems: A line for each problem, without secrets. They are why nothing changed; or, if `is_applied`, what
            doesn't work yet, such as an IP list that can't be read.
        warnings: Warnings about the configuration, one line each.
        at_unix: When that was, Unix seconds.
    """

    is_applied: bool
    changed: tuple[str, ...] = ()
    unchangeable: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    at_unix: float
