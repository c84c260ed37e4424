"""What the shared cache is made with: no server is needed for that."""

from __future__ import annotations

import math
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtglib
from mtglib.antireplay import Redis


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "redis://:p%40@127.0.0.1:6379/2",
        "rediss://u:p@[::1]:1?ssl_ca_certs=/a/b.pem",
        "unix:///run/redis.sock",
        "unix:///run/redis.sock?db=3",
    ],
)
def test_it_is_made_without_an_event_loop(url: str) -> None:
    assert isinstance(Redis(url, 7), mtglib.AntiReplayCache)


@pytest.mark.parametrize(
    "url",
    [
        *("", "h:6379", "http://u:hidden@h", "redis://", "redis://:hidden@", "redis://u:hidden@h:99999", "unix://"),
        *("redis://u:hidden@h:0", "redis://u:hidden@h/x", "redis://u:hidden@h?db=-1", "redis://hidden@h:port"),
        *("redis://u:hidden@h?retry_on_timeout=yes", "redis://u:hidden@[h", "redis://u:hidden@h?x", "redis://h/²"),
    ],
)
def test_a_wrong_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(mtglib.OptionError, match="url: expected redis://") as error:
        Redis(url, 7)
    assert "hidden" not in str(error.value)
    assert error.value.__cause__ is None


@given(url=st.text() | st.text().map("redis://".__add__) | st.from_regex(r"(redis|unix)://[^ ]{0,30}", fullmatch=True))
def test_any_url_is_taken_or_an_option_error(url: str) -> None:
    with suppress(mtglib.OptionError):
        assert Redis(url, 7)._new_client() is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("window_seconds", value) for value in (0, -1, 0.0001, math.nan, math.inf)),
        *(("timeout_seconds", value) for value in (0, -1, 1, math.nan)),
        ("max_connections", 0),
    ],
)
def test_impossible_values_are_refused(field: str, value: float) -> None:
    changes: dict[str, Any] = {"window_seconds": 7, field: value}
    with pytest.raises(mtglib.OptionError, match=field):
        Redis("redis://h", **changes)


def test_without_its_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(mtglib.OptionError, match=r"pip install 'mtg-proxy\[redis\]'"):
        Redis("redis://h", 7)


def test_the_package_is_loaded_only_by_who_uses_it() -> None:
    code = "import sys, mtglib.antireplay; sys.exit('redis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
