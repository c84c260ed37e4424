"""The limit of open files, and the number of connections it allows."""

from __future__ import annotations

import resource

from mtg.user_error import UserError

FILES_PER_CONNECTION = 2
"""The client's socket and the one to Telegram or to the fronting site."""

FILES_IN_RESERVE = 256
"""Files for everything else if the limit has room for so many: those below, descriptors of connections that are being
closed, and room to accept connections that are closed at once."""

LEAST_FILES_IN_RESERVE = 48
"""Standard streams, listeners, the event loop, name look-ups, downloads, statistics: some 25, and a reserve."""

FILES_PER_ENGINE_THREAD = 2
"""Each thread of the engine waits with an epoll descriptor, and is woken by another one."""


def raise_file_limit() -> int:
    """Raise RLIMIT_NOFILE to its hard limit; return the new limit.

    If the system refuses (macOS, for an unlimited hard limit), the old soft limit stays.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return soft
    return hard


def fitting_concurrency(wanted: int, file_limit: int, engine_threads: int) -> int:
    """Return `wanted`, or the most connections that fit into `file_limit` open files.

    A quarter of the files is kept in reserve, but no more than 256 and no less than what the program needs for itself.

    Raises:
        UserError: There is no room for a single connection.
    """
    if file_limit == resource.RLIM_INFINITY:
        return wanted
    least = LEAST_FILES_IN_RESERVE + FILES_PER_ENGINE_THREAD * engine_threads
    reserve = max(least, min(file_limit // 4, FILES_IN_RESERVE))
    fitting = (file_limit - reserve) // FILES_PER_CONNECTION
    if fitting < 1:
        needed = least + FILES_PER_CONNECTION
        raise UserError(
            f"open files: expected a limit of at least {needed}, enough for one connection, "
            f"got {file_limit} (ulimit -n, or LimitNOFILE= in systemd)"
        )
    return min(wanted, fitting)
