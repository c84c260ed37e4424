"""Who may ask what."""

from __future__ import annotations

import pytest

from integration.recording_logger import RecordingLogger
from mtg.control.access import AccessControl
from mtg.control.route import RequestError

TOKEN = "0123456789abcdef"


def refused(access: AccessControl, authorization: str, token: str | None, *, is_open: bool = False) -> int | None:
    try:
        access.check(authorization, token, is_open=is_open)
    except RequestError as error:
        return error.status
    return None


@pytest.mark.parametrize("token", [None, TOKEN])
def test_whoever_can_open_the_unix_socket_may_ask_everything(token: str | None) -> None:
    assert refused(AccessControl(is_local=True, logger=RecordingLogger()), "", token) is None


def test_over_tcp_only_what_is_open_is_answered_without_a_token() -> None:
    access = AccessControl(is_local=False, logger=RecordingLogger())
    assert refused(access, "", None, is_open=True) is None
    assert refused(access, f"Bearer {TOKEN}", None) == 403


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("", 401),
        (f"Bearer {TOKEN}", None),
        (f"bearer  {TOKEN} ", None),
        (f"Basic {TOKEN}", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        ("Bearer", 401),
        ("Bearer \udcff\xff", 401),
        (TOKEN, 401),
    ],
)
@pytest.mark.parametrize("is_open", [True, False])
def test_with_a_token_everything_needs_it(authorization: str, status: int | None, is_open: bool) -> None:
    access = AccessControl(is_local=False, logger=RecordingLogger())
    assert refused(access, authorization, TOKEN, is_open=is_open) == status


def test_wrong_tokens_leave_one_line_a_minute() -> None:
    now_mono, logger = 1000.0, RecordingLogger()
    access = AccessControl(is_local=False, logger=logger, clock=lambda: now_mono)
    for _ in range(10_000):
        assert refused(access, "Bearer wrong", TOKEN) == 401
    now_mono += 61
    assert refused(access, "Bearer wrong", TOKEN) == 401
    assert [message.text for message in logger.messages] == [
        "the API was asked with a wrong token (times since the last such line: 1)",
        "the API was asked with a wrong token (times since the last such line: 10000)",
    ]
