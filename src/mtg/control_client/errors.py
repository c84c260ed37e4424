"""Why a running proxy didn't do what it was asked to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mtg.user_error import EXIT_NOT_RUNNING, EXIT_RUNTIME, EXIT_USAGE, UserError


class NotRunningError(UserError):
    """No proxy is there."""

    def __init__(self, line: str) -> None:
        super().__init__(line, exit_code=EXIT_NOT_RUNNING)


class UnansweredError(UserError):
    """Something is there, but it gave no answer, or none that is of this API."""


class APIError(UserError):
    """The proxy refused. Its lines are those of the API, as they are.

    Args:
        status: The HTTP status.
        lines: Why.
    """

    def __init__(self, status: int, lines: Sequence[str]) -> None:
        super().__init__(lines, exit_code=EXIT_USAGE if status in (400, 422) else EXIT_RUNTIME)
        self.status = status


@contextmanager
def reading_answers(place: str) -> Iterator[None]:
    """Turn what goes wrong when an answer is read into a line: the program at `place` may be of another version.

    Raises:
        UnansweredError: The answer isn't as this version expects it.
    """
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        missing = f" without {error}" if isinstance(error, KeyError) else ""
        raise UnansweredError(
            f"the proxy at {place} gave an answer{missing} that this version can't show (--json may)"
        ) from error
