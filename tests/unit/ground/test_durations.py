from __future__ import annotations

import pytest

import mtglib
from mtglib.ground.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("300ms", 0.3),
        ("1m30s", 90.0),
        (" 1 H ", 3600.0),
        ("7d", 604_800.0),
        (".5s", 0.5),
        ("1.5us2ns", 1.502e-6),
        ("1µs", 1e-6),
        ("1μs", 1e-6),
        ("365d", 31_536_000.0),
    ],
)
def test_durations_are_spelt_as_in_go(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert mtglib.parse_duration is parse_duration


@pytest.mark.parametrize(
    "text",
    ["", "5", "s", "5 minutes", "-5s", "0s", "1e3s", "366d", "1s, 2s", "٣s", "1s" * 33, "0.0ms", "+1s", "1w", "1..5s"],
)
def test_nothing_else_is_a_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r'^expected a duration such as "300ms"'):
        parse_duration(text)
