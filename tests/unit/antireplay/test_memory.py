"""What an exact cache remembers: the engine's memory and that of pure Python, against a model and each other."""

from __future__ import annotations

import itertools
import os
import tracemalloc
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtglib.antireplay import pure
from unit.antireplay.conftest import NATIVE

KEY = bytes(range(16))
COUNTED = [b"%028d" % number for number in range(3000)]


def records(memory: Any) -> list[bytes]:
    """All that is remembered, oldest first."""
    found, at = [], 0
    while (piece := memory.since(at, 7))[1]:
        at = piece[0] + len(piece[1]) // 8
        found += [piece[1][start : start + 8] for start in range(0, len(piece[1]), 8)]
    assert at == memory.added
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(st.integers(0, 60), max_size=200), max_entries=st.integers(1, 40))
def test_it_answers_like_a_list_of_the_latest(memory: Any, asked: list[int], max_entries: int) -> None:
    made, model, first_at = memory(KEY, max_entries), dict[int, None](), []
    for now_unix, number in enumerate(asked):
        is_known = number in model
        assert made.seen(b"%d" % number, now_unix) is is_known
        if not is_known:
            model[number] = None
            first_at.append(now_unix)
        kept = made.added - made.forgotten
        assert min(len(first_at), max_entries) * 7 <= kept * 8
        assert kept <= max_entries
        model = dict.fromkeys(itertools.islice(model, len(model) - kept, None))  # the latest, and no others
        assert made.oldest_unix == first_at[made.forgotten]
    assert len(records(made)) == len(model)


@pytest.mark.parametrize("max_entries", [1, 7, 8, 9, 15, 16, 17, 100, 1000])
def test_when_it_is_full_an_eighth_goes_at_most(memory: Any, max_entries: int) -> None:
    made = memory(KEY, max_entries)
    for count, data in enumerate(COUNTED, start=1):
        assert not made.seen(data, 0)
        assert min(count, max_entries) * 7 <= (made.added - made.forgotten) * 8 <= max_entries * 8

    known = COUNTED[made.forgotten :]
    assert all(made.seen(data, 0) for data in known)
    assert not made.seen(COUNTED[made.forgotten - 1], 0)


def test_what_was_written_is_known_where_it_is_loaded(memory: Any) -> None:
    one, other = memory(KEY, 1000), memory(KEY, 1000)
    for data in COUNTED:
        one.seen(data, 5)
    for start in range(0, 3000, 500):
        other.load(one.since(start, 10_000)[1], 6)
    other.load(b"".join(records(one)), 6)

    assert (records(other), other.oldest_unix) == (records(one), 6)
    assert all(other.seen(data, 7) for data in COUNTED[one.forgotten :])


def test_loading_more_than_fits_keeps_the_latest(memory: Any) -> None:
    large, small = memory(KEY, 3000), memory(KEY, 100)
    for data in COUNTED:
        large.seen(data, 5)
    small.load(b"".join(records(large)), 5)

    assert 88 <= small.added - small.forgotten <= 100
    assert all(small.seen(data, 6) for data in COUNTED[-88:])


def test_what_is_beyond_the_end_is_nothing(memory: Any) -> None:
    made = memory(KEY, 10)
    assert (made.since(0, 5), made.since(99, 5), made.oldest_unix) == ((0, b""), (99, b""), None)


def test_another_key_makes_other_fingerprints(memory: Any) -> None:
    one, other = memory(KEY, 10), memory(bytes(16), 10)
    one.seen(b"a", 0)
    other.seen(b"a", 0)
    assert records(one) != records(other)


@given(data=st.lists(st.binary(max_size=200), max_size=50, unique=True))
def test_both_have_the_same_fingerprints(data: list[bytes]) -> None:
    if NATIVE is None:
        pytest.skip("the native engine isn't built")
    native, python = NATIVE(KEY, 30), pure.PureReplayMemory(KEY, 30)
    for one in data:
        assert native.seen(one, 3) is python.seen(one, 3) is False
    assert records(native) == records(python)
    assert (native.added, native.forgotten) == (python.added, python.forgotten)


@pytest.mark.hypothesis
def test_millions_of_new_hellos_raise_no_false_alarm(memory: Any) -> None:
    """A full memory of a million: 300 000 are asked for here, ten million by `make fuzz` and in the engine's tests."""
    made, count = memory(KEY, 1_000_000), min(3000 * settings().max_examples, 10_000_000)
    made.load(os.urandom(8 * 1_000_000), 0)

    alarms = sum(made.seen(b"%028d" % number, 0) for number in range(count))

    assert (alarms, made.added) == (0, 1_000_000 + count)
    assert 875_000 <= made.added - made.forgotten <= 1_000_000
    assert all(made.seen(b"%028d" % number, 0) for number in range(max(count - 875_000, 0), count))


def test_pure_memory_gives_back_what_it_forgets() -> None:
    """It takes some 100 bytes for each hello that it remembers, however many came; the engine's has a benchmark."""
    tracemalloc.start()
    try:
        made = pure.PureReplayMemory(KEY, 20_000)
        for number in range(200_000):
            made.seen(b"%028d" % number, 0)
        assert tracemalloc.get_traced_memory()[1] < 20_000 * 110
    finally:
        tracemalloc.stop()
