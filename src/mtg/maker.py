"""Makes parts, or keeps those that another configuration has made in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from mtg.refusals import Refusals

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Made:
    """A part, and how it was made."""

    how: partial[Any]
    part: Any

    def is_as(self, how: partial[Any]) -> bool:
        """Whether it would be made in the same way."""
        ours = self.how
        return (ours.func, ours.args, ours.keywords) == (how.func, how.args, how.keywords)


class Maker:
    """Makes parts.

    Args:
        refusals: Collects what they refuse.
        earlier: The parts in use, by name.

    Attributes:
        made: The parts that it made or kept, by name.
    """

    def __init__(self, refusals: Refusals, earlier: Mapping[str, Made]) -> None:
        self._refusals = refusals
        self._earlier = earlier
        self.made: dict[str, Made] = {}

    def make(self, name: str, how: partial[T], keys: Mapping[str, str]) -> T | None:
        """Make a part as `Refusals.make` does, unless the earlier one was made in the same way."""
        earlier = self._earlier.get(name)
        if earlier is not None and earlier.is_as(how):
            part: T | None = earlier.part
        else:
            part = self._refusals.make(how, keys)
        self.made[name] = Made(how, part)
        return part
