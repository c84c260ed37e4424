from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

import mtglib
from mtglib.stats import Statsd


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"host": ""}, "host"),
        ({"host": None}, "host"),
        ({"host": b"h"}, "host"),
        ({"host": "a b"}, "host"),
        ({"host": "h" * 256}, "host"),
        ({"port": "8125"}, "port"),
        ({"port": None}, "port"),
        ({"port": True}, "port"),
        ({"port": 0}, "port"),
        ({"port": 65_536}, "port"),
        ({"metric_prefix": ""}, "metric_prefix"),
        ({"metric_prefix": "a..b"}, "metric_prefix"),
        ({"metric_prefix": "a:b"}, "metric_prefix"),
        ({"metric_prefix": "a\n"}, "metric_prefix"),
        ({"metric_prefix": None}, "metric_prefix"),
        ({"tag_format": "xml"}, "tag_format"),
        ({"tag_format": []}, "tag_format"),
        ({"logger": logging.getLogger()}, "logger"),
        ({"flush_each_seconds": "1"}, "flush_each_seconds"),
        ({"flush_each_seconds": None}, "flush_each_seconds"),
        ({"flush_each_seconds": True}, "flush_each_seconds"),
        ({"flush_each_seconds": 86_401}, "flush_each_seconds"),
        ({"flush_each_seconds": 0.0}, "flush_each_seconds"),
        ({"flush_each_seconds": float("nan")}, "flush_each_seconds"),
    ],
)
def test_value_that_cannot_work(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(mtglib.OptionError) as caught:
        Statsd(**{"host": "127.0.0.1", "port": 8125, **changes})
    assert caught.value.field == field


def test_it_is_an_observer() -> None:
    assert isinstance(Statsd("127.0.0.1", 8125), mtglib.Observer)


async def test_it_is_entered_once_and_left_once() -> None:
    async with Statsd("127.0.0.1", 8125) as statsd:
        with pytest.raises(RuntimeError, match="entered once"):
            await statsd.__aenter__()

    with pytest.raises(RuntimeError, match="left once"):
        await statsd.__aexit__()
    with pytest.raises(RuntimeError, match="entered once"):
        await statsd.__aenter__()


async def test_by_default_it_sends_each_second(monkeypatch: pytest.MonkeyPatch) -> None:
    pause: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def sleep(seconds: float) -> None:
        pause.set_result(seconds)
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio, "sleep", sleep)
    async with Statsd("127.0.0.1", 8125):
        assert await pause == 1


async def test_who_was_not_entered_cannot_be_left() -> None:
    with pytest.raises(RuntimeError, match="after it was entered"):
        await Statsd("127.0.0.1", 8125).__aexit__()
