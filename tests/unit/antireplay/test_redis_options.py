"""What the shared cache is made with: no server is needed for that."""

from __future__ import annotations

import inspect
import logging
import math
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.antireplay import Exact, Redis
from mtglib.antireplay.redis_url import checked_address
from mtglib.noop import NoopAntiReplayCache


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
    assert isinstance(Redis(url), mtglib.AntiReplayCache)


@pytest.mark.parametrize(
    "url",
    [
        *("", "h:6379", "http://u:hidden@h", "redis://", "redis://:hidden@", "redis://u:hidden@h:99999", "unix://"),
        *("redis://u:hidden@h:0", "redis://u:hidden@h/x", "redis://u:hidden@h?db=-1", "redis://hidden@h:port"),
        *("redis://hidden:12#hidden@h", "redis://h#hidden", "redis://u:hidden@h#", "unix:///hidden#x"),
        *("redis://u:hidden@h?retry_on_timeout=yes", "redis://u:hidden@[h", "redis://u:hidden@h?x", "redis://h/²"),
    ],
)
def test_a_wrong_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(
        mtglib.OptionError, match=r"url: expected (redis://|a URL without #|at most 2000|a port from 1 to)"
    ) as error:
        Redis(url)
    assert "hidden" not in str(error.value)
    assert error.value.__cause__ is None


@given(url=st.text() | st.text().map("redis://".__add__) | st.from_regex(r"(redis|unix)://[^ ]{0,30}", fullmatch=True))
def test_any_url_is_taken_or_an_option_error(url: str) -> None:
    with suppress(mtglib.OptionError):
        assert Redis(url)._new_client() is not None


@pytest.mark.parametrize("url", [None, 6379, b"redis://hidden", ["redis://hidden"]])
def test_a_url_that_is_no_text_is_refused_and_not_repeated(url: Any) -> None:
    with pytest.raises(mtglib.OptionError, match="url: expected redis://") as error:
        Redis(url)
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://u:hidden@h", "h:6379"),
        ("rediss://:hidden@[::1]:7/3", "[::1]:7"),
        ("redis://192.0.2.1:7?db=2", "192.0.2.1:7"),
        ("unix:///run/redis.sock?db=3", "/run/redis.sock"),
    ],
)
def test_the_address_for_messages_is_where_it_is_and_no_more(url: str, address: str) -> None:
    assert checked_address(url) == address


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("remember_seconds", value) for value in (0, -1, 0.0001, math.nan, math.inf, "7", None, True)),
        *(("timeout_seconds", value) for value in (0, -1, 1, math.nan, "0.5", None)),
        *(("max_connections", value) for value in (0, 1025, 1.5, "8", None)),
        *(("fallback", value) for value in (object(), Exact, 5)),
        *(("max_entries", value) for value in (0, 1.5, None)),
        *(("directory", value) for value in (5, b"/x", "/a\0b")),
        *(("logger", value) for value in (object(), RecordingLogger, logging.getLogger())),
        *(("key_prefix", value) for value in (None, b"mtg:", "x" * 201, "\ud800")),
        *(("clock", value) for value in (None, 5.0)),
    ],
)
def test_impossible_values_are_refused(field: str, value: Any) -> None:
    with pytest.raises(mtglib.OptionError) as error:
        Redis("redis://h", **{field: value})
    assert error.value.field == field


def test_it_is_a_cache_that_knows_nothing_yet() -> None:
    cache = Redis("redis://h")

    assert (len(cache), cache.reach_seconds, bool(cache)) == (0, 0.0, True)
    assert inspect.signature(Redis).parameters["max_entries"].default == 1_000_000


def test_what_it_is_given_to_ask_first_need_not_have_a_length() -> None:
    cache = Redis("redis://h", fallback=NoopAntiReplayCache())

    assert (len(cache), cache.reach_seconds) == (0, 0.0)


def test_without_its_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(
        mtglib.OptionError, match=r"^redis: expected its package to be installed \(pip install redis\)$"
    ):
        Redis("redis://h")


def test_the_package_is_loaded_only_by_who_uses_it() -> None:
    code = "import sys, mtglib.antireplay; sys.exit('redis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
