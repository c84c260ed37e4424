"""What all processes of a flood need of the system."""

from __future__ import annotations

import resource


def raise_file_limit() -> int:
    """Raise the limit of open files to the most that is allowed, for this process and its children; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
