"""A proxy's process: started, watched, ended."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import procfs
from benchmarks.peers.session import ProxyAddress

_START_TIMEOUT_SECONDS = 30.0
_STOP_TIMEOUT_SECONDS = 10.0
# After this time, a proxy that still has sockets or still works is measured as it is.
_SETTLE_TIMEOUT_SECONDS = 3.0
_POLL_SECONDS = 0.01
_QUIET_POLLS = 3
# Less CPU time than this between two polls is a timer, not work.
_QUIET_CPU_SECONDS = 0.0005


class ProxyProcess:
    """A running proxy that listens."""

    def __init__(self, process: subprocess.Popen[bytes], address: ProxyAddress) -> None:
        """Take a process that was started and answers at its port."""
        self._process = process
        self.address = address
        self.pid = process.pid

    def cpu_seconds(self) -> float:
        """CPU time so far, of all threads."""
        return procfs.cpu_seconds(self.pid)

    def pss_bytes(self) -> int:
        """Memory, with a fair part of shared pages."""
        return procfs.pss_bytes(self.pid)

    def resident_bytes(self) -> int:
        """Memory, with all that is shared."""
        return procfs.resident_bytes(self.pid)

    def settle(self) -> None:
        """Wait until it has closed the connections of its clients and has nothing more to do."""
        deadline_mono = time.monotonic() + _SETTLE_TIMEOUT_SECONDS
        quiet, last = 0, (-1, 0.0)
        while quiet < _QUIET_POLLS and time.monotonic() < deadline_mono:
            now = procfs.open_sockets(self.pid), self.cpu_seconds()
            quiet = quiet + 1 if now[0] == last[0] and now[1] - last[1] < _QUIET_CPU_SECONDS else 0
            last = now
            time.sleep(_POLL_SECONDS)


@contextmanager
def running_proxy(command: Sequence[str], address: ProxyAddress, log: Path) -> Iterator[ProxyProcess]:
    """Start a proxy, wait until it accepts, end it at the end; its output goes to the log.

    Raises:
        RuntimeError: it ended by itself, or doesn't listen in time; the message ends with its last output.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        _wait_until_accepting(process, address.port, lambda: _last_words(log))
        proxy = ProxyProcess(process, address)
        proxy.settle()
        yield proxy
        if process.poll() is not None:
            raise RuntimeError(f"the proxy ended with status {process.returncode}: {_last_words(log)}")
    finally:
        _stop(process)


_given: set[int] = set()


def free_port() -> int:
    """A port that nothing on 127.0.0.1 uses now; never the same one twice, as it may not be in use yet."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port: int = listener.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def _wait_until_accepting(process: subprocess.Popen[bytes], port: int, last_words: Callable[[], str]) -> None:
    deadline_mono = time.monotonic() + _START_TIMEOUT_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > deadline_mono:
                raise RuntimeError(f"{process.args!r} doesn't listen: {last_words()}") from None
            time.sleep(_POLL_SECONDS)


def _last_words(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:].strip() or "it said nothing"


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
