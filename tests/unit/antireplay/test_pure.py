"""The pure memory by itself; that the engine's is equal to it is for test_memory, test_entries and test_exact."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from mtglib.antireplay.pure import FingerprintLog, PureReplayMemory, keyed_fingerprint

KEY = bytes(range(16))
fingerprints = st.integers(0, 2**64 - 1)


def kept(log: FingerprintLog) -> list[int]:
    """All that a log has, oldest first."""
    found, at = [], 0
    while (piece := log.since(at, 1000))[1]:
        at = piece[0] + len(piece[1]) // 8
        found += [int.from_bytes(piece[1][start : start + 8], "little") for start in range(0, len(piece[1]), 8)]
    return found


def test_a_fingerprint_is_the_start_of_a_digest_as_the_engine_has_it() -> None:
    digest = hashlib.sha256(KEY + b"a hello").digest()

    assert keyed_fingerprint(KEY, b"a hello") == int.from_bytes(digest[:8], "little")
    assert keyed_fingerprint(bytes(16), b"a hello") != keyed_fingerprint(KEY, b"a hello")
    # Written down, so that files of today can be read tomorrow.
    assert keyed_fingerprint(bytes(16), b"") == 0xD59D71F7FF084737


@given(added=st.lists(fingerprints, max_size=120), max_entries=st.integers(1, 40))
def test_a_log_keeps_the_latest_doubled_ones_too(added: list[int], max_entries: int) -> None:
    log = FingerprintLog(max_entries)
    for now_unix, fingerprint in enumerate(added):
        log.add(fingerprint, now_unix)
        assert log.added == now_unix + 1
        assert min(log.added, max_entries) * 7 <= (log.added - log.forgotten) * 8 <= max_entries * 8

    assert kept(log) == added[log.forgotten :]
    assert log.oldest_unix == (log.forgotten if added else None)


@given(counts=st.lists(st.integers(0, 60), max_size=6), max_entries=st.sampled_from([1, 7, 8, 9, 17, 23, 31, 40]))
def test_what_is_loaded_is_as_if_it_had_been_added(counts: list[int], max_entries: int) -> None:
    log, one_by_one = FingerprintLog(max_entries), FingerprintLog(max_entries)
    for seen_unix, count in enumerate(counts):
        part = range(one_by_one.added, one_by_one.added + count)
        log.load(b"".join(fingerprint.to_bytes(8, "little") for fingerprint in part), seen_unix)
        for fingerprint in part:
            one_by_one.add(fingerprint, seen_unix)

    assert (kept(log), log.added, log.forgotten) == (kept(one_by_one), one_by_one.added, one_by_one.forgotten)
    assert log.oldest_unix == one_by_one.oldest_unix


def test_what_was_loaded_is_seen_and_what_was_seen_is_kept() -> None:
    first, second = PureReplayMemory(KEY, 100), PureReplayMemory(KEY, 100)
    for number in range(30):
        assert not first.seen(b"%d" % number, number)
    second.load(first.since(0, 1000)[1] + first.since(12, 1000)[1] + first.since(24, 1000)[1], 50)

    assert all(second.seen(b"%d" % number, 60) for number in range(30))
    assert not second.seen(b"another", 60)
    assert second.added == 31


def test_a_memory_that_is_asked_for_what_it_knows_does_not_grow() -> None:
    memory = PureReplayMemory(KEY, 8)
    for _ in range(100):
        memory.seen(b"the same", 5)

    assert (memory.added, memory.forgotten, memory.oldest_unix) == (1, 0, 5)


def test_another_key_makes_other_fingerprints() -> None:
    one, other = PureReplayMemory(KEY, 8), PureReplayMemory(bytes(16), 8)
    one.seen(b"a hello", 0)
    other.load(one.since(0, 10)[1], 0)

    assert not other.seen(b"a hello", 0)
