"""What all processes of a flood need from the system."""

from __future__ import annotations

import resource


def raise_file_limit() -> int:
    """Raise the limit of open files as far as allowed, for this process and its children; return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
