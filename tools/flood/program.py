"""The program as a child process with either relay, and what the system and its own metrics say about it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired

from benchmarks.peers.faketls import Secret

START_TIMEOUT_SECONDS = 30.0
_STOP_TIMEOUT_SECONDS = 20.0
_SCRAPE_TIMEOUT_SECONDS = 5.0
_GAUGES = ("client_connections", "telegram_connections", "domain_fronting_connections")

_INSIDE = Path(__file__).with_name("inside.py")


@dataclass(frozen=True)
class Counts:
    """The resources of a process."""

    files: int
    threads: int
    rss_bytes: int


class Program:
    """A running proxy.

    Attributes:
        port: Where it listens on 127.0.0.1.
        unix_path: Its Unix socket.
        engine: The relay that it reports.
    """

    def __init__(
        self, process: Popen[bytes], started: dict[str, str | list[str]], metrics_port: int, tasks_file: Path
    ) -> None:
        self._process = process
        self._tasks_file = tasks_file
        self._proc = Path(f"/proc/{process.pid}")
        self._metrics_port = metrics_port
        self.engine = str(started["engine"])
        tcp, unix = (str(address) for address in started["bind_to"])
        self.port = int(tcp.rpartition(":")[2])
        self.unix_path = unix.removeprefix("unix:")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def counts(self) -> Counts:
        """Open files, threads and resident memory, now."""
        status = (self._proc / "status").read_text()
        rss_kib = int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]
        threads = int(re.search(r"Threads:\s+(\d+)", status)[1])  # type: ignore[index]
        return Counts(len(os.listdir(self._proc / "fd")), threads, rss_kib * 1024)

    def pss_bytes(self) -> int:
        """Its own memory, and its share of shared memory."""
        lines = (self._proc / "smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024

    async def tasks(self) -> int:
        """The number of tasks in its event loop.

        Raises:
            TimeoutError: It doesn't answer.
        """
        self._tasks_file.unlink(missing_ok=True)
        self._process.send_signal(signal.SIGRTMIN)
        async with asyncio.timeout(_SCRAPE_TIMEOUT_SECONDS):
            while not self._tasks_file.exists():
                await asyncio.sleep(0.01)
        return int(self._tasks_file.read_text())

    def reload(self) -> None:
        """Send SIGHUP."""
        self._process.send_signal(signal.SIGHUP)

    async def page(self) -> str:
        """Fetch its metrics.

        Raises:
            OSError, TimeoutError: It doesn't answer.
        """
        async with asyncio.timeout(_SCRAPE_TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._metrics_port)
            try:
                writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return (await reader.read()).decode()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    async def leave_page(self) -> None:
        """Request the metrics, and leave in the middle.

        Raises:
            OSError, TimeoutError: It doesn't answer.
        """
        async with asyncio.timeout(_SCRAPE_TIMEOUT_SECONDS):
            _reader, writer = await asyncio.open_connection("127.0.0.1", self._metrics_port)
            writer.write(b"GET / HTTP/1.1\r\nHost:")
            await asyncio.sleep(0)
            writer.transport.abort()

    async def gauges(self) -> dict[str, float]:
        """The sums of the gauges that count connections."""
        page = await self.page()
        return {name: _sum(page, name) for name in _GAUGES}

    async def counter(self, name: str) -> float:
        """A counter's value, summed over all labels; 0 if there is none."""
        return _sum(await self.page(), name)


def _sum(page: str, name: str) -> float:
    return sum(
        float(value) for value in re.findall(rf"^mtg_{name}(?:_total)?(?:{{[^}}]*}})? (\S+)", page, re.MULTILINE)
    )


@contextlib.contextmanager
def running_program(
    secret: Secret, dc_port: int, site_port: int, *, concurrency: int, pure: bool = False, more_settings: str = ""
) -> Iterator[Program]:
    """Run `mtg run` for the length of the context.

    Raises:
        RuntimeError: It doesn't start; the message ends with its output.
    """
    with tempfile.TemporaryDirectory(prefix="mtg-flood-") as folder:
        config, log = Path(folder) / "mtg.toml", Path(folder) / "log"
        metrics_port = _free_port()
        config.touch(mode=0o600)
        config.write_text(
            f'secret = "{secret.hex()}"\nbind-to = ["127.0.0.1:0", "unix:{folder}/proxy"]\n'
            f"concurrency = {concurrency}\n"
            f'[dc-overrides]\n2 = ["127.0.0.1:{dc_port}"]\n'
            f'[domain-fronting]\nip = "127.0.0.1"\nport = {site_port}\n'
            f'[stats.prometheus]\nenabled = true\nbind-to = "127.0.0.1:{metrics_port}"\n' + more_settings
        )
        tasks_file = Path(folder) / "tasks"
        start = ["-P", str(_INSIDE), "pure" if pure else "native", str(tasks_file)]
        with log.open("w") as output:
            environment = os.environ | {"XDG_STATE_HOME": str(config.parent)}
            command = [sys.executable, *start, "run", str(config)]
            process = Popen(command, stdin=DEVNULL, stdout=output, stderr=output, env=environment)
        try:
            yield Program(process, _started(process, log), metrics_port, tasks_file)
            if process.poll() is not None:
                raise RuntimeError(f"the program ended with {process.returncode}: {log.read_text()[-2000:]}")
        finally:
            process.terminate()
            try:
                process.wait(_STOP_TIMEOUT_SECONDS)
            except TimeoutExpired:
                process.kill()
                process.wait()


def _started(process: Popen[bytes], log: Path) -> dict[str, str | list[str]]:
    deadline_mono = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline_mono and process.poll() is None:
        for line in log.read_text().splitlines():
            if '"mtg has started"' in line:
                started: dict[str, str | list[str]] = json.loads(line)
                return started
        time.sleep(0.05)
    raise RuntimeError(f"the program doesn't start: {log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
