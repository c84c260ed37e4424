"""The program as a process: what it logs, how it ends, and that it keeps the secret to itself."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import resource
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

import mtglib
from mtg.limits import (
    FILES_PER_CONNECTION,
    FILES_PER_ENGINE_THREAD,
    LEAST_FILES_IN_RESERVE,
    fitting_concurrency,
)
from support import sockets
from support.fake_dc import FakeDC
from support.faketls_client import FakeTLSClient
from support.ports import free_port
from support.program import Program, write

SECRET = mtglib.Secret(os.urandom(16), "front.example")
GARBAGE = b"GET / HTTP/1.1\r\nHost: front.example\r\n\r\n"


@pytest.fixture
def front() -> Iterator[socket.socket]:
    """A web site on this machine, whose connections the test accepts itself."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        yield listener


@pytest.fixture
def config(tmp_path: Path, front: socket.socket) -> Path:
    """A configuration on a free port of 127.0.0.1 that fronts `front`."""
    return write(
        tmp_path,
        f'secret = "{SECRET.hex()}"\nbind-to = "127.0.0.1:0"\n'
        f'[domain-fronting]\nip = "127.0.0.1"\nport = {front.getsockname()[1]}\n',
    )


def run_to_end(*arguments: object) -> tuple[int, str, list[str]]:
    """Exit code, stdout and the lines of stderr of a program that ends by itself."""
    done = subprocess.run(
        [sys.executable, "-m", "mtg", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr.splitlines()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def until_accepted(port: int) -> socket.socket:
    """Connect as soon as somebody listens; the test's own time-out ends a proxy that doesn't."""
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            return connect(port)


def until_refused(port: int) -> None:
    """Connect until nobody listens any more; the test's own time-out ends a proxy that goes on listening."""
    with contextlib.suppress(ConnectionRefusedError, ConnectionResetError):  # the latter while it is closed
        while True:
            connect(port).close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_says_what_it_is_and_ends_with_0(config: Path, front: socket.socket, number: signal.Signals) -> None:
    with Program("run", config) as program:
        port = program.started()
        first = program.log[0]
        assert first["engine"].startswith(("native", "pure ("))
        assert first["bind_to"] == [f"127.0.0.1:{port}"]
        assert first["domain_fronting"] == f"front.example at 127.0.0.1:{front.getsockname()[1]}"
        assert first["concurrency"] >= 1
        connect(port).close()
        program.send(number)
        assert program.wait() == (0, "")


async def test_a_client_gets_through_to_an_overridden_dc(tmp_path: Path) -> None:
    async with FakeDC() as dc:
        text = f'bind-to = "127.0.0.1:0"\nsecret = "{SECRET.base64()}"\n[dc-overrides]\n2 = ["127.0.0.1:{dc.port}"]\n'
        text += "[defense.front-learning]\nenabled = false\n"
        with Program("run", write(tmp_path, text)) as program:
            async with await FakeTLSClient.connect("127.0.0.1", program.started(), SECRET) as client:
                await client.send(b"hello")
                assert await client.recv_exactly(5) == b"hello"
            program.send(signal.SIGTERM)
            assert (await asyncio.to_thread(program.wait))[0] == 0


@pytest.mark.parametrize(("level", "lines"), [("warning", 0), ("info", 1)])
async def test_a_client_leaves_a_line_only_if_that_is_asked_for(tmp_path: Path, level: str, lines: int) -> None:
    async with FakeDC() as dc:
        text = f'secret = "{SECRET.hex()}"\nbind-to = "127.0.0.1:0"\nlog-level = "{level}"\n'
        text += f'[dc-overrides]\n2 = ["127.0.0.1:{dc.port}"]\n[defense.front-learning]\nenabled = false\n'
        with Program("run", write(tmp_path, text)) as program:
            async with await FakeTLSClient.connect("127.0.0.1", program.started(), SECRET) as client:
                await client.send(b"hello")
                assert await client.recv_exactly(5) == b"hello"
            program.send(signal.SIGTERM)
            assert (await asyncio.to_thread(program.wait))[0] == 0
        said = [line["message"] for line in program.log]
        assert said.count("finished") == lines
        assert {"mtg has started", "mtg has stopped"} <= set(said)


def test_all_problems_are_lines_and_exit_code_2(tmp_path: Path) -> None:
    path = write(tmp_path, f'secret = "{SECRET.hex()[:-1]}"\nbind-to = "x"\nnetwork.proxies = ["http://u:p@h"]\n')
    code, out, lines = run_to_end("run", path)
    assert (code, out) == (2, "")
    assert [line.removeprefix(f"mtg: {path}: ").partition(":")[0] for line in lines] == [
        *("secret", "bind-to", "network.proxies[0]"),
    ]
    assert SECRET.hex()[:-1] not in "".join(lines)


def test_a_taken_port_is_one_line_and_exit_code_1(tmp_path: Path, front: socket.socket) -> None:
    address = f"127.0.0.1:{front.getsockname()[1]}"
    path = write(tmp_path, f'secret = "{SECRET.hex()}"\nbind-to = "{address}"')
    code, out, lines = run_to_end("run", path)
    assert (code, out) == (1, "")
    assert lines == [f"mtg: {path}: bind-to: can't listen on {address}: another program is using this address"]


def test_the_first_signal_stops_accepting_and_lets_streams_end(config: Path, front: socket.socket) -> None:
    with Program("run", config) as program:
        port = program.started()
        with connect(port) as client:
            client.sendall(GARBAGE)
            site, _ = front.accept()
            with site:
                assert site.recv(1000) == GARBAGE
                program.send(signal.SIGTERM)
                program.read_until("shutting down")
                site.sendall(b"still here")
                assert client.recv(100) == b"still here"
                until_refused(port)
        assert program.wait()[0] == 0
        assert not any(line["message"].startswith("shutting down sooner") for line in program.log)


def test_the_second_signal_ends_streams_at_once(config: Path, front: socket.socket) -> None:
    with Program("run", config) as program, connect(program.started()) as client:
        client.sendall(GARBAGE)
        site, _ = front.accept()
        with site:
            program.send(signal.SIGINT)
            program.read_until("shutting down")
            program.send(signal.SIGTERM)
            program.read_until("shutting down sooner")
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(100) == b""
            assert program.wait()[0] == 0


def test_a_log_that_nobody_reads_holds_up_neither_clients_nor_the_end(config: Path, front: socket.socket) -> None:
    config.write_text("debug = true\n" + config.read_text())
    with Program("run", config) as program:
        program.shrink_log_pipe()
        port = program.started()
        for _ in range(50):  # some 10 lines each; the pipe has room for some 20
            with connect(port) as client:
                client.sendall(GARBAGE)
                site, _ = front.accept()
                with site:
                    assert site.recv(1000) == GARBAGE
        program.send(signal.SIGTERM)
        until_refused(port)
        assert program.exit_code() == 0


def test_the_secret_is_in_no_log_and_no_process_title(tmp_path: Path, config: Path, front: socket.socket) -> None:
    config.write_text("debug = true\n" + config.read_text())
    config.chmod(0o644)
    with Program("run", config) as program:
        with connect(program.started()) as client:
            client.sendall(GARBAGE)
            front.accept()[0].close()
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(100) == b""
        titles = [Path(f"/proc/{program.pid}/{name}").read_text() for name in ("cmdline", "comm")]
        program.send(signal.SIGTERM)
        assert program.wait()[0] == 0
        said = "".join([*titles, json.dumps(program.log)])
    assert "contains the secret, and other users can read it" in program.log[1]["message"]
    assert "debug" in {line["level"] for line in program.log}, "there is a debug log to look at"
    for secret in (SECRET.hex(), SECRET.base64(), SECRET.key.hex(), repr(SECRET.key)[2:-1]):
        assert secret not in said


def test_without_standard_streams_it_serves_and_ends_like_ever(config: Path, front: socket.socket) -> None:
    address = f"127.0.0.1:{free_port()}"
    config.write_text(config.read_text().replace("127.0.0.1:0", address))
    command = [sys.executable, "-m", "mtg", "run", str(config)]
    with subprocess.Popen(["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh", *command]) as program:
        try:
            with until_accepted(int(address.rpartition(":")[2])) as client:
                client.sendall(GARBAGE)
                site, _ = front.accept()
                with site:
                    assert site.recv(1000) == GARBAGE
            program.terminate()
            assert program.wait(30) == 0
        finally:
            program.kill()


@pytest.mark.parametrize("stderr", ["/dev/full", "&-"])
def test_problems_that_cannot_be_told_are_exit_code_2_all_the_same(tmp_path: Path, stderr: str) -> None:
    command = [sys.executable, "-m", "mtg", "run", str(write(tmp_path, ""))]
    done = subprocess.run(["sh", "-c", f'exec "$@" 2>{stderr}', "sh", *command], stdout=subprocess.PIPE, check=False)
    assert (done.returncode, done.stdout) == (2, b"")


def test_it_ends_with_its_terminal(config: Path) -> None:
    master, terminal = pty.openpty()
    command = [sys.executable, "-m", "mtg", "run", str(config)]
    with subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, preexec_fn=become_its_session
    ) as program:
        try:
            os.close(terminal)
            while b"mtg has started" not in os.read(master, 65536):
                pass
            os.close(master)
            assert program.wait(30) == 0
        finally:
            program.kill()


def become_its_session() -> None:
    """Make stdin's terminal the one whose end is told by SIGHUP."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_few_open_files_lower_concurrency_and_the_visitors_share_of_it(config: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 300))

    with config.open("a") as file:
        file.write("[defense.limits]\nvisitors = 8192\n")
    with Program("run", config, preexec_fn=limit) as program:
        program.started()
        fitting = fitting_concurrency(8192, 300, mtglib.engine_threads())
        assert program.read_until(f"concurrency: lowered from 8192 to {fitting}")["level"] == "warn"
        assert program.log[0]["concurrency"] == fitting


@pytest.mark.parametrize("file_limit", [20, 40])
def test_too_few_open_files_to_serve_anybody_are_one_line_and_exit_code_1(config: Path, file_limit: int) -> None:
    command = ["sh", "-c", f'ulimit -n {file_limit} && exec "$0" -m mtg run "$1"', sys.executable, str(config)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)

    (line,) = ended.stderr.splitlines()
    assert line.startswith("mtg: open files: expected a limit of at least ")
    assert ended.returncode == 1


def test_the_fewest_open_files_serve_somebody(config: Path, front: socket.socket) -> None:
    least = LEAST_FILES_IN_RESERVE + FILES_PER_ENGINE_THREAD * mtglib.engine_threads() + FILES_PER_CONNECTION

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (least, least))

    with Program("run", config, preexec_fn=limit) as program, connect(program.started()) as client:
        client.sendall(GARBAGE)
        site, _ = front.accept()
        with site:
            assert site.recv(1000) == GARBAGE


def test_several_addresses_are_served_and_a_unix_socket_goes_away(tmp_path: Path) -> None:
    path = tmp_path / "s"
    text = f'secret = "{SECRET.hex()}"\nbind-to = ["127.0.0.1:0", "[::1]:0", "unix:{path}"]\n'
    with Program("run", write(tmp_path, text)) as program:
        program.started()
        addresses = program.log[0]["bind_to"]
        assert [address.rpartition(":")[0] for address in addresses] == ["127.0.0.1", "[::1]", "unix"]
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        program.send(signal.SIGTERM)
        assert program.wait()[0] == 0
    assert not path.exists()


@pytest.mark.parametrize("way", ["stdin", "environment"])
def test_simple_run_takes_a_secret_that_argv_does_not_show(way: str) -> None:
    environment = {"MTG_SECRET": SECRET.hex()} if way == "environment" else {}
    arguments = ["127.0.0.1:0", "-"] if way == "stdin" else ["127.0.0.1:0"]
    with Program("simple-run", *arguments, environment=environment) as program:
        if way == "stdin":
            program.enter(SECRET.hex() + "\n")
        program.started()
        assert program.log[0]["domain_fronting"] == "front.example:443"
        assert SECRET.hex() not in Path(f"/proc/{program.pid}/cmdline").read_text()
        program.send(signal.SIGTERM)
        assert program.wait() == (0, "")


def test_quickstart_makes_a_private_file_shows_its_link_and_serves_it_again(tmp_path: Path) -> None:
    path = tmp_path / "mtg.toml"
    port = sockets.port_free_on("0.0.0.0", "::")
    for number in (signal.SIGTERM, signal.SIGINT):
        with Program("quickstart", path, "--port", port, "--host", "front.example", "--server", "") as program:
            assert program.started() == port
            program.send(number)
            code, out = program.wait()
        assert code == 0
        secret = mtglib.Secret.parse(path.read_text().partition('secret = "')[2].partition('"')[0])
        assert f"&port={port}&secret={secret.hex()}" in out
        assert secret.hex() not in json.dumps(program.log)
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_at_start_needs_a_network(tmp_path: Path) -> None:
    alone = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespaces here")
    command = [*alone, sys.executable, "-m", "mtg", "quickstart", str(tmp_path / "mtg.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        first = process.stderr.readline()
        process.terminate()
        out, _ = process.communicate()
    assert json.loads(first)["message"] == "mtg has started"
    assert process.returncode == 0
    assert "tg://proxy?server=127.0.0.1&port=8443&" in out
    assert "127.0.0.1 works on this machine only" in out
