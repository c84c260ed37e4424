"""Rates are what has moved between two snapshots."""

from __future__ import annotations

from mtg.top.picture import Flow, make_picture
from unit.mtg.top.samples import connection, snapshot


def test_rates_are_those_between_two_snapshots() -> None:
    before = snapshot(10, connection(1, up=100), alice=(1, 1000, 5000))
    now = snapshot(12, connection(1, up=300, down=50), connection(2, up=10), alice=(2, 1400, 5000), bob=(1, 70, 0))
    seen = make_picture(before, now)
    assert [row.flow for row in seen.connections] == [Flow(300, 50, 100, 25), Flow(10, 0, 5, 0)]
    assert [(row.name, row.flow) for row in seen.users] == [
        ("alice", Flow(1400, 5000, 200, 0)),
        ("bob", Flow(70, 0, 0, 0)),
    ]
    assert seen.flow == Flow(1470, 5000, 200, 0)


def test_a_program_that_counts_from_0_again_has_no_rates_below_0() -> None:
    seen = make_picture(snapshot(1, connection(1, up=9)), snapshot(2, connection(1, up=3)))
    assert seen.connections[0].flow == Flow(3, 0, 0, 0)
    assert make_picture(snapshot(2, connection(1, up=3)), snapshot(2, connection(1, up=9))).connections[0].flow == Flow(
        9, 0
    )
