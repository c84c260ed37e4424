"""What can be set about learning, and what can't."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mtglib import FrontLearning, OptionError, ProxyOpts, Secret

SECRET = Secret(bytes(range(16)), "front.example")


def test_it_is_on_unless_it_is_switched_off_in_one_word() -> None:
    assert ProxyOpts.with_defaults(SECRET).front_learning == FrontLearning(
        each_seconds=4 * 3600, samples=3, directory=None
    )
    assert ProxyOpts.with_defaults(SECRET, front_learning=None).front_learning is None
    options = ProxyOpts.with_defaults(SECRET, front_learning=FrontLearning(directory=Path("answers"), samples=8))
    assert options.front_learning
    assert options.front_learning.samples == 8


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("each_seconds", 599, "seconds from 600 to"),
        ("each_seconds", "4h", "seconds from 600 to"),
        ("samples", 0, "a whole number from 1 to 64"),
        ("samples", 65, "a whole number from 1 to 64"),
        ("directory", 5, "the path of a directory, or None"),
    ],
)
def test_an_invalid_value_is_refused_by_name(name: str, value: Any, expected: str) -> None:
    wrong: dict[str, Any] = {name: value}
    with pytest.raises(OptionError, match=f"^{name}: expected {expected}"):
        FrontLearning(**wrong)


def test_anything_else_is_refused() -> None:
    wrong: Any = True
    with pytest.raises(OptionError, match=r"^front_learning: expected a FrontLearning, or None .*, got bool$"):
        ProxyOpts.with_defaults(SECRET, front_learning=wrong)
