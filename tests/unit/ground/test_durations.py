from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtglib
from mtg.config.values import Duration
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


@pytest.mark.parametrize("text", ["", "5", "s", "5 minutes", "-5s", "0s", "1e3s", "366d", "1s, 2s", "٣s", "1s" * 33])
def test_nothing_else_is_a_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r'^expected a duration such as "300ms"'):
        parse_duration(text)


_TERMS = st.tuples(
    st.sampled_from(["0", "1", "1.5", ".5", "300", "1.", "x", ""]),
    st.sampled_from(["ns", "us", "µs", "ms", "s", "m", "h", "d", " S"]),
)


@given(
    st.lists(_TERMS.map("".join), max_size=4).map("".join) | st.text(max_size=64).filter(lambda text: len(text) < 64)
)
def test_durations_are_what_the_program_takes_them_for(text: str) -> None:
    try:
        expected: float | None = Duration.parse(text)
    except ValueError:
        expected = None
    try:
        seconds: float | None = parse_duration(text)
    except ValueError:
        seconds = None

    assert seconds == (None if expected is None else pytest.approx(float(expected)))
