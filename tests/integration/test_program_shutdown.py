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


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that accepts nobody: connections wait in its backlog."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
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


@pytest.mark.parametrize("part", HANGS)
def test_it_ends_whatever_hangs(tmp_path: Path, silent: socket.socket, part: str) -> None:
    start = (CHILD, part)
    with Program("run", configuration(tmp_path, silent), start=start) as program, contextlib.ExitStack() as clients:
        port = program.started()
        if part in ("network", "engine"):
            visitor = clients.enter_context(connect(port))
            visitor.sendall(GARBAGE)
        program.send(signal.SIGTERM)
        if part != "list at the start":  # until which nothing is served
            program.read_until("shutting down")
        program.send(signal.SIGTERM)
        assert program.wait()[0] == 0
    if part not in ("engine", "list later"):  # which may not have begun, or are left by the library
        assert any(line["message"].startswith("shutdown:") for line in program.log)


def test_a_stream_that_goes_on_is_ended_after_its_grace(tmp_path: Path, silent: socket.socket) -> None:
    front = f'\n[domain-fronting]\nip = "127.0.0.1"\nport = {silent.getsockname()[1]}\n'
    config = configuration(tmp_path, silent)
    config.write_text("debug = true\n" + config.read_text() + front)
    with Program("run", config) as program, connect(program.started()) as visitor:
        visitor.sendall(GARBAGE)
        program.send(signal.SIGTERM)
        assert program.wait()[0] == 0
    assert any(line["message"] == "closed: shutdown" or line.get("reason") == "shutdown" for line in program.log)
    assert (program.log[-1]["message"], program.log[-1]["connections_ended"]) == ("mtg has stopped", 1)
