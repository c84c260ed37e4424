"""The exception that ends the program with lines for its user instead of a traceback."""

from __future__ import annotations

from collections.abc import Sequence

EXIT_RUNTIME = 1
"""Exit code if the machine refuses something: a port in use, an unwritable file."""

EXIT_USAGE = 2
"""Exit code for an error in the command line or the configuration."""

EXIT_NOT_RUNNING = 3
"""Exit code of commands that ask a running proxy, if there is none."""


class UserError(Exception):
    """A problem that the user can fix; `mtg.cli.main` prints the lines to stderr and exits.

    `lines` are complete, hold no secret and need no further explanation; `exit_code` is EXIT_RUNTIME,
    EXIT_USAGE or EXIT_NOT_RUNNING.
    """

    def __init__(self, lines: str | Sequence[str], *, exit_code: int = EXIT_RUNTIME) -> None:
        self.lines = (lines,) if isinstance(lines, str) else tuple(lines)
        self.exit_code = exit_code
        super().__init__("\n".join(self.lines))


def os_reason(error: OSError) -> str:
    """Return the system's message of `error`, without Python's decoration ("Permission denied")."""
    return error.strerror or str(error) or type(error).__name__
