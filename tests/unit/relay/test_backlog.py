"""When to look at what a peer's kernel hasn't acknowledged."""

from __future__ import annotations

from mtglib.relay.backlog import Backlog


def test_looks_become_rare_and_are_late_by_a_quarter_at_most() -> None:
    backlog, now_mono, looks = Backlog(100.0, 5), 100.0, 0
    while now_mono < 130.0:
        next_mono = backlog.next_look_mono
        assert 0 < next_mono - now_mono <= max(0.01, min((now_mono - 100.0) / 4, 2.0)) + 1e-9
        now_mono = next_mono
        backlog.note_left(now_mono, 5)
        looks += 1

    assert looks < 40
    assert backlog.taken_at_mono == 100.0


def test_fewer_bytes_than_before_are_progress_and_more_are_not() -> None:
    backlog = Backlog(0.0, 100)
    for now_mono, (left_bytes, is_progress) in enumerate(
        [(100, False), (99, True), (500, False), (499, True), (0, True), (0, False)], 1
    ):
        backlog.note_left(now_mono, left_bytes)
        assert (backlog.taken_at_mono == now_mono) is is_progress
