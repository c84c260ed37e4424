"""The program ends by itself, with exit code 0, whatever hangs in it."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import mtglib
from integration.child_that_hangs import HANGS
from support.ports import free_port
from support.program import Program, write

CHILD = Path(__file__).with_name("child_that_hangs.py")
SECRET = mtglib.Secret(bytes(range(16)), "front.example")
GARBAGE = b"\x01not a hello at all" * 10


@pytest.fixture(scope="module")
def silent() -> Iterator[socket.socket]:
    """A server that accepts nobody: connections wait in its backlog."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        yield listener


def configuration(folder: Path, silent: socket.socket) -> Path:
    """All parts, none of whose peers answers."""
    port = silent.getsockname()[1]
    (folder / "list").write_text("192.0.2.0/24\n")
    return write(
        folder,
        f'bind-to = "127.0.0.1:0"\nsecret = "{SECRET.hex()}"\n'
        f'[network]\ndns = "tls://127.0.0.1:{port}"\n'
        f'[defense.anti-replay]\nkind = "redis"\nurl = "redis://127.0.0.1:{port}"\n'
        f'[defense.blocklist]\nenabled = true\nurls = ["{folder}/list", "http://127.0.0.1:{port}/list"]\n'
        f'[stats.statsd]\nenabled = true\naddress = "127.0.0.1:{port}"\n'
        f'[stats.prometheus]\nenabled = true\nbind-to = "127.0.0.1:{free_port()}"\n',
    )


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def test_with_peers_that_are_all_silent_it_ends(tmp_path: Path, silent: socket.socket) -> None:
    config = configuration(tmp_path, silent)
    metrics = int(config.read_text().rpartition(":")[2].rstrip('"\n'))
    with Program("run", config) as program, contextlib.ExitStack() as clients:
        visitor, scraper, _ = (clients.enter_context(connect(port)) for port in (program.started(), metrics, metrics))
        visitor.sendall(GARBAGE)
        scraper.sendall(b"GET / HT")
        program.send(signal.SIGTERM)
        program.read_until("shutting down")
        program.send(signal.SIGTERM)
        assert program.wait()[0] == 0
    assert not [line for line in program.log if line["message"].startswith("internal error")]


@pytest.fixture(scope="module")
def in_grace(tmp_path_factory: pytest.TempPathFactory, silent: socket.socket) -> Iterator[Program]:
    """A program that was told to end while a visitor stays: its five seconds pass beside other tests."""
    front = f'\n[domain-fronting]\nip = "127.0.0.1"\nport = {silent.getsockname()[1]}\n'
    config = configuration(tmp_path_factory.mktemp("grace"), silent)
    config.write_text("debug = true\n" + config.read_text() + front)
    with Program("run", config) as program, connect(program.started()) as visitor:
        visitor.sendall(GARBAGE)
        program.send(signal.SIGTERM)
        yield program


@pytest.fixture(scope="module")
def stuck(
    tmp_path_factory: pytest.TempPathFactory, silent: socket.socket, in_grace: Program
) -> Iterator[dict[str, Program]]:
    """Programs in each of which another part hangs, all told to end, twice: side by side, as that takes a second."""
    with contextlib.ExitStack() as stack:
        programs = {}
        for part in HANGS:
            config = configuration(tmp_path_factory.mktemp("stuck"), silent)
            programs[part] = stack.enter_context(Program("run", config, start=(CHILD, part)))
        for part, program in programs.items():
            port = program.started()
            if part in ("network", "engine"):
                stack.enter_context(connect(port)).sendall(GARBAGE)
            program.send(signal.SIGTERM)
        for part, program in programs.items():
            if part == "list at the start":  # until which nothing is served
                program.until_taken(signal.SIGTERM)
            else:
                program.read_until("shutting down")
            program.send(signal.SIGTERM)
        yield programs


@pytest.mark.parametrize("part", HANGS)
def test_it_ends_whatever_hangs(stuck: dict[str, Program], part: str) -> None:
    program = stuck[part]

    assert program.wait()[0] == 0
    if part not in ("engine", "list later"):  # which may not have begun, or are left by the library
        assert any(line["message"].startswith("shutdown:") for line in program.log)


def test_a_stream_that_goes_on_is_ended_after_its_grace(in_grace: Program) -> None:
    assert in_grace.wait()[0] == 0
    assert any(line["message"] == "closed: shutdown" or line.get("reason") == "shutdown" for line in in_grace.log)
    assert (in_grace.log[-1]["message"], in_grace.log[-1]["connections_ended"]) == ("mtg has stopped", 1)
