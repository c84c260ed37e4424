"""What a user is told."""

from __future__ import annotations

import errno
import os

import pytest

from mtg.user_error import EXIT_RUNTIME, UserError, os_reason


def test_one_line_is_a_line_and_the_exit_code_that_of_the_machine() -> None:
    error = UserError("one line")

    assert (error.lines, error.exit_code, str(error)) == (("one line",), EXIT_RUNTIME, "one line")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.EACCES, os.strerror(errno.EACCES), "/file"), "Permission denied"),
        (OSError("only a text"), "only a text"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_reason_is_the_systems_text_or_what_there_is(error: OSError, reason: str) -> None:
    assert os_reason(error) == reason
