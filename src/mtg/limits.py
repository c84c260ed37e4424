"""How many files the system lets this process open, and what that leaves for connections."""

from __future__ import annotations

import resource

FILES_PER_CONNECTION = 2
"""The client's socket and the one to Telegram or to the fronting site."""

FILES_IN_RESERVE = 64
"""Standard streams, listeners, epoll, name look-ups, and room to accept what is closed at once."""


def raise_file_limit() -> int:
    """Raise RLIMIT_NOFILE to its hard limit; returns the limit now in force.

    Where the system refuses (macOS, for an unlimited hard limit), the old soft limit stays.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return soft
    return hard


def fitting_concurrency(wanted: int, file_limit: int) -> int:
    """`wanted`, or the most connections that `file_limit` open files have room for, at least 1."""
    if file_limit == resource.RLIM_INFINITY:
        return wanted
    return min(wanted, max(1, (file_limit - FILES_IN_RESERVE) // FILES_PER_CONNECTION))
