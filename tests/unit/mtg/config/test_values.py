"""Durations, sizes and words of the configuration."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtg.config.values import (
    Duration,
    HTTPPath,
    LogLevelWord,
    PreferIPWord,
    Size,
    SystemSize,
    TagFormatWord,
)
from mtglib.logger import LEVELS


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("300ms", 0.3),
        ("5s", 5),
        ("1m30s", 90),
        ("24h", 86400),
        ("7d", 604800),
        ("1d12h", 129600),
        ("1.5s", 1.5),
        (".5s", 0.5),
        ("1H", 3600),
        ("1\tM", 60),
        ("1 h", 3600),
        ("100us", 1e-4),
        ("100µs", 1e-4),
        ("1h0m0s", 3600),
        ("8760h", 365 * 86_400),
    ],
)
def test_duration_is_read_as_go_reads_it(text: str, seconds: float) -> None:
    assert Duration.parse(text) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        "5",
        "s",
        "5 seconds",
        "1w",
        "-1s",
        "1s ago",
        "\u0663s",
        "1e3s",
        "1..5s",
        "5\u017f",
        5,
        5.0,
        None,
        True,
        ["5s"],
    ],
)
def test_duration_says_what_it_expects(value: object) -> None:
    with pytest.raises(ValueError, match=r"^a duration such as"):
        Duration.parse(value)


@pytest.mark.parametrize("text", ["0s", "0ms", "8761h", "999999999h"])
def test_duration_has_bounds(text: str) -> None:
    with pytest.raises(ValueError, match="above 0s and at most a year"):
        Duration.parse(text)


@settings(deadline=None)
@given(st.integers(0, 23), st.integers(0, 59), st.integers(1, 59), st.integers(0, 999))
def test_duration_adds_its_terms(hours: int, minutes: int, seconds: int, millis: int) -> None:
    exact = (hours * 3_600_000 + minutes * 60_000 + seconds * 1000 + millis) / 1000
    assert Duration.parse(f"{hours}h{minutes}m{seconds}s{millis}ms") == exact


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("1b", 1),
        ("512b", 512),
        ("1kb", 1024),
        ("16kib", 16384),
        ("1MB", 1 << 20),
        ("1mib", 1 << 20),
        ("1.5 KiB", 1536),
        ("1gb512mb", 1536 << 20),
    ],
)
def test_size_is_read_as_mtg_reads_it(text: str, size_bytes: int) -> None:
    assert Size.parse(text) == size_bytes


@pytest.mark.parametrize("value", ["", "1", "1m", "-1kb", "1.5b", "kb", 1024, None, "1pb", "1kb" * 22])
def test_size_says_what_it_expects(value: object) -> None:
    with pytest.raises(ValueError, match=r"^a size such as"):
        Size.parse(value)


@pytest.mark.parametrize("text", ["0b", "0mib", "2tib"])
def test_size_has_bounds(text: str) -> None:
    with pytest.raises(ValueError, match="1 byte to 1 TiB"):
        Size.parse(text)


@pytest.mark.parametrize(("value", "size_bytes"), [(0, 0), ("0", 0), ("16kib", 16384)])
def test_0_can_be_the_systems_size(value: object, size_bytes: int) -> None:
    assert SystemSize.parse(value) == size_bytes


@pytest.mark.parametrize("value", [False, 1, 0.0, "", None])
def test_what_is_no_size_is_not_the_systems(value: object) -> None:
    with pytest.raises(ValueError, match=r"^a size such as \"16kib\", or 0 for the system's$"):
        SystemSize.parse(value)


@settings(deadline=None)
@given(st.text() | st.from_regex(r"[0-9.]{0,20}[a-zµ]{0,4}", fullmatch=True))
def test_number_parsers_raise_nothing_but_value_error(text: str) -> None:
    for parse in (Duration.parse, Size.parse):
        with contextlib.suppress(ValueError):
            assert parse(text) > 0


def test_words_are_compared_without_case() -> None:
    assert PreferIPWord.parse("Prefer-IPv4") == "prefer-ipv4"
    assert TagFormatWord.parse("DATADOG") == "datadog"


def test_the_levels_of_the_log_are_the_librarys() -> None:
    assert LogLevelWord.choices == LEVELS


@pytest.mark.parametrize("value", ["", "ipv4", 4, None])
def test_words_say_all_choices(value: object) -> None:
    with pytest.raises(ValueError, match="one of prefer-ipv4, prefer-ipv6, only-ipv4, only-ipv6"):
        PreferIPWord.parse(value)


def test_http_path_gets_its_slash() -> None:
    assert [HTTPPath.parse(text) for text in ("", "/", "metrics", "/a/b")] == ["/", "/", "/metrics", "/a/b"]


@pytest.mark.parametrize("value", ["a b", "/ü", 1, "a\n"])
def test_http_path_is_printable_ascii(value: object) -> None:
    with pytest.raises(ValueError, match="a path such as"):
        HTTPPath.parse(value)
