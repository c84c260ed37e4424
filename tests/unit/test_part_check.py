"""What can be a part, and what is told of what can't."""

from __future__ import annotations

from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest

import mtglib
from mtglib.noop import NoopEventStream, NoopIPBlocklist, NoopLogger


class Answering:
    """Has whatever is asked for, and only when it is asked."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *_, **__: None


class AsyncList(NoopIPBlocklist):
    async def contains(self, ip: mtglib.IPAddress) -> bool:  # type: ignore[override]
        return False


@pytest.mark.parametrize("part", [NoopLogger(), Answering(), MagicMock()])
def test_an_object_with_all_methods_is_a_part(part: object) -> None:
    mtglib.check_part("logger", part, mtglib.Logger)


@pytest.mark.parametrize(
    ("part", "interface", "text"),
    [
        (None, mtglib.EventStream, "part: expected an object with send, got None"),
        (
            NoopEventStream,
            mtglib.EventStream,
            "part: expected an object with send, got the class NoopEventStream itself",
        ),
        (5, mtglib.EventStream, "part: expected an object with send; int lacks send"),
        (
            AsyncList(),
            mtglib.IPBlocklist,
            "part: expected a plain function as contains, but that of AsyncList has to be awaited",
        ),
        (
            AsyncMock(),
            mtglib.EventStream,
            "part: expected a plain function as send, but that of AsyncMock has to be awaited",
        ),
    ],
)
def test_what_cannot_be_a_part_is_one_line(part: object, interface: type, text: str) -> None:
    with pytest.raises(mtglib.OptionError) as raised:
        mtglib.check_part("part", part, interface)
    assert str(raised.value) == text
