"""A part that would be made in the same way is the same object."""

from __future__ import annotations

from functools import partial

from mtg.config import config_from_table
from mtg.maker import Maker
from mtg.refusals import Refusals
from mtglib.antireplay import Exact, StableBloom


def maker(earlier: Maker | None = None) -> Maker:
    refusals = Refusals(config_from_table({}, source="test"))
    return Maker(refusals, {} if earlier is None else earlier.made)


def test_only_what_differs_is_made() -> None:
    first = maker()
    made = first.make("memory", partial(Exact, max_entries=7), {})
    same = maker(first).make("memory", partial(Exact, max_entries=7), {})
    others = [
        maker(first).make("memory", partial(Exact, max_entries=8), {}),
        maker(first).make("memory", partial(StableBloom, max_size_bytes=4096), {}),
        maker(first).make("another", partial(Exact, max_entries=7), {}),
    ]

    assert same is made
    assert made not in others


def test_it_goes_on_from_one_to_the_next() -> None:
    first = maker()
    made = first.make("memory", partial(Exact, max_entries=7), {})
    second = maker(first)
    second.make("memory", partial(Exact, max_entries=7), {})
    assert maker(second).make("memory", partial(Exact, max_entries=7), {}) is made
