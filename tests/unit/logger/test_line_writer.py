"""Logs that nobody reads: they hold up nobody, and what is lost is told."""

from __future__ import annotations

import gc
import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

import pytest

from mtglib.logger import make_logger

LINES = 10_000


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """A pipe's reading and writing end."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb"), os.fdopen(writer, "w") as stream:
        yield reader, stream


def read_until(descriptor: int, end: bytes) -> bytes:
    data = b""
    while end not in data:
        chunk = os.read(descriptor, 65536)
        assert chunk
        data += chunk
    return data


def test_lines_come_in_their_order(pipe: tuple[int, TextIO]) -> None:
    reader, stream = pipe
    logger = make_logger(stream=stream)
    for number in range(3000):
        logger.bind(number=number).info("x")
    logger.info("done")
    *lines, _ = map(json.loads, read_until(reader, b'"done"}\n').splitlines())
    assert [line["number"] for line in lines] == list(range(3000))


def test_what_nobody_reads_is_dropped_counted_and_told(pipe: tuple[int, TextIO]) -> None:
    reader, stream = pipe
    logger = make_logger(stream=stream)
    for number in range(LINES):
        logger.bind(number=number).info("x" * 100)
    text = read_until(reader, b"\n")
    while f'"number":{LINES - 1},'.encode() not in text and b"dropped" not in text:
        logger.info("there is room again")  # dropped as well until the first ones are out
        text += read_until(reader, b"\n")
    text += read_until(reader, b"dropped") if b"dropped" not in text else b""
    logger.info("done")
    text += read_until(reader, b'"done"}\n')

    lines = [json.loads(line) for line in text.splitlines()]
    numbers = [line["number"] for line in lines if "number" in line]
    assert numbers[:4096] == list(range(4096)), "the first ones, whole and in order"
    assert numbers == sorted(set(numbers))
    warnings = [line for line in lines if "dropped" in line["message"]]
    assert {warning["level"] for warning in warnings} == {"warn"}
    assert sum(warning["count"] for warning in warnings) >= LINES - len(numbers)


def test_a_terminal_that_is_stopped_holds_up_nobody() -> None:
    master, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stream, os.fdopen(master, "rb", buffering=0):
        logger = make_logger(stream=stream)
        for _ in range(LINES):
            logger.info("x" * 100)


def test_the_thread_and_its_descriptor_end_with_the_logger(pipe: tuple[int, TextIO]) -> None:
    reader, stream = pipe
    others = set(threading.enumerate())
    logger = make_logger(stream=stream)
    logger.info("x")
    (thread,) = set(threading.enumerate()) - others
    del logger
    gc.collect()
    thread.join()
    stream.close()
    assert json.loads(read_until(reader, b"\n"))["message"] == "x"
    assert os.read(reader, 1) == b""


def run(code: str) -> str:
    start = "import os\nfrom mtglib.logger import make_logger\nlogger = make_logger()\n"
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", start + code]  # Python 3.12 warns of forks
    return subprocess.run(command, stderr=subprocess.PIPE, check=True, text=True).stderr


def test_the_last_lines_of_a_program_are_written() -> None:
    lines = run("for number in range(1000):\n    logger.info('x')").splitlines()
    assert len(lines) == 1000


def test_a_forked_child_writes_as_well() -> None:
    text = run("logger.info('parent')\nif not os.fork():\n    logger.info('child')\nelse:\n    os.wait()")
    assert sorted(json.loads(line)["message"] for line in text.splitlines()) == ["child", "parent"]


def test_children_of_multiprocessing_write_their_last_lines() -> None:
    text = run(
        "import multiprocessing\n"
        "context = multiprocessing.get_context('fork')\n"
        "children = [context.Process(target=logger.info, args=(str(number),)) for number in range(8)]\n"
        "[child.start() for child in children]\n"
        "[child.join() for child in children]"
    )
    assert sorted(json.loads(line)["message"] for line in text.splitlines()) == [str(number) for number in range(8)]


def test_lines_of_a_logger_that_is_gone_are_written_at_the_end() -> None:
    text = run(
        "import gc\n"
        "for number in range(3000):\n    logger.bind(number=number).info('x' * 100)\n"
        "del logger\n"
        "gc.collect()"
    )
    assert len(text.splitlines()) == 3000


@pytest.mark.parametrize("redirection", ["| cat >&2", "2> /dev/null"])
def test_a_line_may_be_logged_in_the_middle_of_another(redirection: str) -> None:
    code = (
        "import signal\n"
        "from mtglib.logger import make_logger\n"
        "logger, count = make_logger(), 0\n"
        "def again(*_):\n"
        "    global count\n"
        "    count += 1\n"
        "    logger.info('handler')\n"
        "signal.signal(signal.SIGALRM, again)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)\n"
        "while count < 300:\n"
        "    logger.info('main')\n"
        "signal.setitimer(signal.ITIMER_REAL, 0)\n"
    )
    command = ["sh", "-c", f'exec 2>&1; "$0" -c "$1" {redirection}', sys.executable, code]
    subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_child_that_is_forked_in_the_middle_of_a_line_writes_as_well() -> None:
    text = run(
        "import sys\nfrom mtglib.logger.line_writer import LineWriter\n"
        "writer = LineWriter(sys.stderr, print)\n"
        "with writer._dropping:\n"
        "    if not os.fork():\n"
        "        writer.msg('child')\n"
        "    else:\n"
        "        os.wait()"
    )
    assert text == "child\n"


def test_a_non_blocking_pipe_gets_everything(pipe: tuple[int, TextIO]) -> None:
    reader, stream = pipe
    os.set_blocking(stream.fileno(), False)
    logger = make_logger(stream=stream)
    for _ in range(2000):
        logger.info("x" * 100)
    logger.info("done")
    assert read_until(reader, b'"done"}\n').count(b"\n") == 2001


def test_a_closed_pipe_is_no_error() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        os.close(reader)
        logger = make_logger(stream=stream)
        for _ in range(100):
            logger.info("x")
        del logger
        gc.collect()
