"""Signals call the methods of the running program; `tests/integration/test_program_*` send them to a process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import mtglib
from mtg import run
from mtg.app import GRACE_SECONDS, App
from mtg.build import Parts, build_parts
from mtg.config import Loaded, config_from_table
from mtg.last_resort import LastResort
from mtg.signals import handling_signals
from mtglib.ipblocklist import FireHOL
from mtglib.noop import NoopLogger

SECRET = mtglib.Secret(bytes(range(16)), "front.example")


@pytest.fixture(autouse=True)
def hangups() -> Iterator[None]:
    """What SIGHUP does is as before afterwards."""
    numbers = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def built(path: Path) -> Parts:
    table = {
        "secret": SECRET.hex(),
        "bind-to": "127.0.0.1:0",
        "network": {"dns": ""},
        "defense": {"blocklist": {"enabled": True, "urls": [str(path)]}},
    }
    return build_parts(config_from_table(table, source="test"), logger=NoopLogger())


async def test_sighup_reads_lists_again_until_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    updated = asyncio.Event()

    async def update(_: FireHOL) -> None:
        updated.set()

    app, logger = App(built(tmp_path / "list")), NoopLogger()
    async with asyncio.timeout(20):
        with handling_signals(app, LastResort(logger), logger):
            await app.start()
            monkeypatch.setattr(FireHOL, "update", update)
            os.kill(os.getpid(), signal.SIGHUP)
            await updated.wait()
            await app.stop()
    os.kill(os.getpid(), signal.SIGHUP)  # is ignored


class Noted(LastResort):
    """Ends nothing, and keeps how long the end may take."""

    def __init__(self) -> None:
        super().__init__(NoopLogger())
        self.seconds: list[float] = []

    def end_within(self, seconds: float, exit_code: int = 0) -> None:
        self.seconds.append(seconds)


async def test_the_end_takes_a_second_more_than_the_grace_whatever_hangs(tmp_path: Path) -> None:
    app, last_resort = App(built(tmp_path / "list")), Noted()
    async with asyncio.timeout(20):
        with handling_signals(app, last_resort, NoopLogger()):
            await app.start()
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            await app.wait()
    assert last_resort.seconds == [GRACE_SECONDS + 1.0, 1.0]
    assert GRACE_SECONDS == 5.0


class EnoughSeenError(Exception):
    """The program has begun; it needn't go on."""


def test_they_are_ignored_until_somebody_can_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def build_logger(_: Loaded) -> mtglib.Logger:
        seen.extend(map(signal.getsignal, (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)))
        raise EnoughSeenError

    monkeypatch.setattr(run, "build_logger", build_logger)
    with pytest.raises(EnoughSeenError):
        run.run_proxy(config_from_table({"secret": SECRET.hex(), "bind-to": "127.0.0.1:0"}, source="test"))
    assert seen == [signal.SIG_IGN] * 3


class Log(NoopLogger):
    """Keeps messages."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[str] = asyncio.Queue()

    def bind(self, **_: object) -> Log:
        return self

    def info(self, message: str, *, error: BaseException | None = None) -> None:
        self.lines.put_nowait(message)


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (signal.SIGHUP, "there are no IP lists to read again"),
        (signal.SIGUSR1, "SIGUSR1 has no effect"),
        (signal.SIGUSR2, "SIGUSR2 has no effect"),
    ],
)
async def test_a_signal_that_has_nothing_to_do_is_a_line(number: signal.Signals, line: str) -> None:
    logger = Log()
    table = {"secret": SECRET.hex(), "bind-to": "127.0.0.1:0", "network": {"dns": ""}}
    app = App(build_parts(config_from_table(table, source="test"), logger=logger))
    async with asyncio.timeout(20):
        with handling_signals(app, LastResort(logger), logger):
            await app.start()
            os.kill(os.getpid(), number)
            while not (await logger.lines.get()).startswith(line):
                pass
            await app.stop()
    assert signal.getsignal(number) is signal.SIG_IGN
