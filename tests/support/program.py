"""The program as a child process."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Program:
    """`mtg ARGUMENTS` as a child process whose stderr is read line by line; killed when its context is left.

    Its state directory is empty, unless the environment or its configuration has another one.

    ``start`` are Python's arguments in place of ``-m mtg``.
    """

    def __init__(
        self,
        *arguments: object,
        environment: Mapping[str, str] | None = None,
        start: Sequence[object] = ("-m", "mtg"),
        **popen: Any,
    ) -> None:
        self.log: list[dict[str, Any]] = []
        """All JSON lines read so far."""
        self._state = tempfile.TemporaryDirectory(prefix="mtg-test-state-")
        self._process = subprocess.Popen(
            [sys.executable, *map(str, start), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_STATE_HOME": self._state.name, **(environment or {})},
            **popen,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def enter(self, text: str) -> None:
        """Write to the program's stdin."""
        assert self._process.stdin
        self._process.stdin.write(text)
        self._process.stdin.close()

    def read_until(self, message: str) -> dict[str, Any]:
        """Read the log up to the line with this message, and return the line."""
        assert self._process.stderr
        for line in self._process.stderr:
            self.log.append(json.loads(line))
            if self.log[-1]["message"].startswith(message):
                return self.log[-1]
        raise AssertionError(f"ended without {message!r}: {self.log}")

    def started(self) -> int:
        """Read the log up to the first line of a serving proxy; return the first port that it listens on."""
        address: str = self.read_until("mtg has started")["bind_to"][0]
        return int(address.rpartition(":")[2])

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def until_taken(self, number: signal.Signals) -> None:
        """Wait until a signal isn't pending any more: until then, another one of its kind is lost."""
        pending = 1 << number - 1
        while pending & (1 << number - 1):
            status = Path(f"/proc/{self.pid}/status").read_text()
            pending = int(status.partition("ShdPnd:")[2].split()[0], 16)

    def wait(self) -> tuple[int, str]:
        """Read the log to its end; return the exit code and the text of stdout."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        assert self._process.stderr
        assert self._process.stdout
        self.log += [json.loads(line) for line in self._process.stderr]
        return self._process.wait(), self._process.stdout.read()

    def exit_code(self) -> int:
        """Wait for the end without reading its output; return the exit code."""
        return self._process.wait(30)

    def last_words(self) -> list[str]:
        """Return, after the end, the lines of the log that aren't JSON."""
        assert self._process.stderr
        lines = list(self._process.stderr)
        self.log += [json.loads(line) for line in lines if line.startswith("{")]
        return [line.rstrip() for line in lines if not line.startswith("{")]

    def shrink_log_pipe(self) -> None:
        """Shrink the log's pipe to one page."""
        assert self._process.stderr
        fcntl.fcntl(self._process.stderr, fcntl.F_SETPIPE_SZ, 4096)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._state.cleanup()


def write(directory: Path, text: str) -> Path:
    path = directory / "mtg.toml"
    path.touch(mode=0o600)
    path.write_text(text)
    return path
