"""Logs in files and in streams of other kinds: a stalled or full disk holds up nobody, and losses are told."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mtglib.logger import flush, make_logger


class StalledDisk:
    """Holds up whoever writes to a descriptor, until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self._go, self._write = threading.Event(), threading.Event(), os.write
        monkeypatch.setattr(os, "write", self._write_late)

    def go(self) -> None:
        self._go.set()

    def _write_late(self, descriptor: int, data: bytes) -> int:
        self.reached.set()
        self._go.wait()
        return self._write(descriptor, data)


@pytest.fixture
def stalled_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[StalledDisk]:
    disk = StalledDisk(monkeypatch)
    yield disk
    disk.go()
    assert flush(20)


def test_a_stalled_disk_holds_up_nobody_and_what_is_dropped_is_told(tmp_path: Path, stalled_disk: StalledDisk) -> None:
    path = tmp_path / "log"
    with path.open("a") as stream:
        logger = make_logger(stream=stream)
        logger.info("first")
        stalled_disk.reached.wait()
        for number in range(10_000):
            logger.bind(number=number).info("x")
        assert not flush(0)
        stalled_disk.go()
        assert flush(20)
        logger.info("last")
        assert flush(20)

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    numbers = [line["number"] for line in lines if "number" in line]
    assert numbers == list(range(len(numbers)))
    assert 4000 < len(numbers) < 5000
    assert [line["message"] for line in lines if "number" not in line] == [
        "first",
        "log: lines were dropped because they could not be written, or not fast enough",
        "last",
    ]
    assert lines[-2]["count"] == 10_000 - len(numbers)


def test_nobody_waits_in_vain_for_the_lines_of_a_logger_that_is_gone(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        for _ in range(5):
            logger = make_logger(stream=stream)
            logger.info("line")
            assert flush(20)
            del logger
            assert flush(20)


def test_lines_in_a_file_come_in_their_order_and_behind_what_was_printed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("w") as stream:
        stream.write("printed before\n")
        logger = make_logger(stream=stream)
        for number in range(1000):
            logger.bind(number=number).info("x")
        assert flush(20)

        first, *lines = path.read_text().splitlines()
        assert first == "printed before"
        assert [json.loads(line)["number"] for line in lines] == list(range(1000))


def run(code: str, path: Path) -> None:
    start = f"import os, resource\nfrom mtglib.logger import make_logger, flush\nstream = open({str(path)!r}, 'a')\n"
    subprocess.run([sys.executable, "-c", start + code], check=True, timeout=60)


def test_the_last_lines_of_a_program_are_written_to_its_file(tmp_path: Path) -> None:
    run("logger = make_logger(stream=stream)\nfor _ in range(1000): logger.info('x')\nstream.close()", tmp_path / "log")

    assert len((tmp_path / "log").read_text().splitlines()) == 1000


def test_lines_that_a_full_disk_has_no_room_for_are_told_once_there_is_room(tmp_path: Path) -> None:
    """RLIMIT_FSIZE is a disk that is full: the write that begins below it is cut, others fail."""
    path = tmp_path / "log"
    run(
        "logger = make_logger(stream=stream)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
        "for _ in range(100): logger.info('x' * 20); flush(20)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "for _ in range(2): logger.info('room'); flush(20)\n",
        path,
    )

    def parsed(line: str) -> dict[str, Any]:
        try:
            return dict(json.loads(line))
        except ValueError:
            return {"message": "cut"}

    lines = [parsed(line) for line in path.read_text().splitlines()]
    before = [line for line in lines if line["message"] == "x" * 20]
    assert [line["message"] for line in lines[len(before) :]] == [
        "cut",
        "room",
        "log: lines were dropped because they could not be written, or not fast enough",
        "room",
    ]
    assert lines[-2]["count"] == 100 - len(before)


def test_a_device_without_room_costs_nothing() -> None:
    with open("/dev/full", "w") as stream:
        logger = make_logger(stream=stream)
        for _ in range(3):
            logger.info("x")
            assert flush(20)


def test_a_stream_that_compresses_gets_what_it_can_compress(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    with gzip.open(path, "wt") as stream:
        logger = make_logger(stream=stream)
        for _ in range(100):
            logger.info("x")
        assert flush(20)

    with gzip.open(path, "rt") as stream:
        assert [json.loads(line)["message"] for line in stream] == ["x"] * 100


class Blocking(io.TextIOBase):
    """A stream of a user's own whose writes wait."""

    def __init__(self) -> None:
        self.reached, self.go, self.lines = threading.Event(), threading.Event(), list[str]()

    def write(self, text: str) -> int:
        self.reached.set()
        self.go.wait()
        self.lines += text.splitlines()
        return len(text)


def test_a_stream_of_ones_own_may_block() -> None:
    stream: Any = Blocking()
    logger = make_logger(stream=stream)
    for number in range(100):
        logger.bind(number=number).info("x")
    stream.reached.wait()
    stream.go.set()
    assert flush(20)

    assert [json.loads(line)["number"] for line in stream.lines] == list(range(100))


class Raising(io.TextIOBase):
    """A stream of a user's own that can't be written to for a while."""

    def __init__(self) -> None:
        self.broken, self.lines = True, list[str]()

    def write(self, text: str) -> int:
        if self.broken:
            raise ZeroDivisionError
        self.lines += text.splitlines()
        return len(text)


def test_what_a_stream_of_ones_own_raises_is_counted() -> None:
    stream: Any = Raising()
    logger = make_logger(stream=stream)
    for _ in range(3):
        logger.info("x")
        assert flush(20)
    stream.broken = False
    for _ in range(2):
        logger.info("y")
        assert flush(20)

    assert [json.loads(line).get("count") for line in stream.lines] == [None, 3, None]
