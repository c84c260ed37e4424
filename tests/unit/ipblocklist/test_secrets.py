"""What of a list's address is shown, and what never is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.recording_logger import RecordingLogger
from mtglib.ipblocklist import FireHOL
from mtglib.ipblocklist.list_error import ListError, presentable
from mtglib.network import Direct
from unit.ipblocklist.client_network import ClientNetwork

URL = "https://me:hunter2@lists.example:8443/a.netset?token=sesame#swordfish"
LABEL = "https://lists.example:8443/a.netset"
SECRETS = ("hunter2", "sesame", "swordfish")


class Talkative(ClientNetwork):
    """A network whose client repeats what it is asked for, in an error or in the cause of one."""

    def __init__(self, error: str, cause: str) -> None:
        self._error, self._cause = error, cause

    @asynccontextmanager
    async def stream(self, method: str, url: str, **_: object) -> AsyncIterator[None]:
        try:
            raise OSError(self._cause.format(url=url))
        except OSError as error:
            raise RuntimeError(self._error.format(url=url)) from error
        yield


@pytest.mark.parametrize(
    ("url", "label"),
    [
        (URL, LABEL),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("HTTP://me@LISTS.example/a?", "http://lists.example/a"),
        ("/var/lib/a.netset?b#c", "/var/lib/a.netset?b#c"),
    ],
)
def test_a_label_has_nothing_secret(url: str, label: str) -> None:
    (source,) = FireHOL([url], network=Direct()).sources

    assert source.label == label


@pytest.mark.parametrize(
    ("error", "cause", "problem"),
    [
        ("no way", "no way", "no way"),
        ("no way to {url}", "", "RuntimeError: no way to https://***@lists.example:8443/a.netset?***#***"),
        ("no way", "no way to {url}", "RuntimeError: no way"),
        ("wrong password hunter2", "", "RuntimeError: wrong password ***"),
    ],
)
async def test_what_a_client_says_of_an_address_is_not_repeated(error: str, cause: str, problem: str) -> None:
    logger = RecordingLogger()
    found = FireHOL([URL], network=Talkative(error, cause), logger=logger)

    (status,) = await found.update()

    assert (status.problem, status.label) == (problem, LABEL)
    assert len(logger.warnings) == 1
    assert not any(secret in logger.everything() for secret in SECRETS)


@pytest.mark.parametrize("said", ["abc", "a\nb\x1b[31mc"])
async def test_what_a_client_says_is_one_line_that_ends(said: str) -> None:
    logger = RecordingLogger()
    found = FireHOL([URL], network=Talkative(said + "c" * 10**6, ""), logger=logger)

    (status,) = await found.update()

    assert status.problem.startswith("RuntimeError: a")
    assert status.problem.isprintable()
    assert max(len(status.problem), len(logger.everything())) < 1000


@given(st.text())
def test_any_error_becomes_one_line(text: str) -> None:
    shown = presentable(ListError(text), ())

    assert str(shown).isprintable()
    assert len(str(shown)) < 350
