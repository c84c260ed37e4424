"""The parts of mtg-multi's document that are computed; test_api has the whole."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mtg.control.handlers.stats import throttle


@pytest.mark.parametrize(
    ("connections", "limit", "shown"),
    [
        ({"a": 5}, None, None),
        ({"a": 5, "b": 4}, 10, {"active": False, "limit": 10, "caps": {}}),
        ({}, 1, {"active": False, "limit": 1, "caps": {}}),
        ({"a": 10}, 10, {"active": True, "limit": 10, "caps": {"a": 10}}),
        ({"a": 1, "b": 7, "c": 2, "d": 0}, 10, {"active": True, "limit": 10, "caps": {"b": 7}}),
        ({"a": 2, "b": 20, "c": 30}, 12, {"active": True, "limit": 12, "caps": {"b": 5, "c": 5}}),
        ({"a": 1, "b": 1, "c": 1}, 2, {"active": True, "limit": 2, "caps": {"a": 1, "b": 1, "c": 1}}),
    ],
)
def test_a_limit_for_all_users_together(
    connections: dict[str, int], limit: int | None, shown: dict[str, Any] | None
) -> None:
    found = throttle(connections, limit)
    assert (None if found is msgspec.UNSET else msgspec.to_builtins(found)) == shown
