"""The program on a terminal, and what is to be seen there."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import pyte

PATIENCE_SECONDS = 30.0


class ProgramOnTerminal:
    """`mtg ARGUMENTS` as a child process on a terminal of its own; killed when its context is left.

    ``output`` is all that it has written; ``start`` are Python's arguments in place of ``-m mtg``.
    """

    def __init__(
        self,
        *arguments: object,
        columns: int = 80,
        rows: int = 24,
        environment: Mapping[str, str] | None = None,
        start: Sequence[object] = ("-m", "mtg"),
    ) -> None:
        self.output = b""
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._ours, theirs = pty.openpty()
        self._set_size(columns, rows)
        self.modes_before = self.modes
        unset = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
        inherited = {name: value for name, value in os.environ.items() if name not in unset}
        self._process = subprocess.Popen(
            [sys.executable, *map(str, start), *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**inherited, "TERM": "xterm-256color", **(environment or {})},
            preexec_fn=_become_its_session,
        )
        os.close(theirs)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def modes(self) -> list[Any]:
        """How the terminal treats what is typed."""
        return termios.tcgetattr(self._ours)

    @property
    def lines(self) -> list[str]:
        """The screen, without spaces at the ends of lines."""
        return [line.rstrip() for line in self.screen.display]

    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines)

    def read_until(self, is_there: str | Callable[[str], bool]) -> str:
        """Read until the screen has a text on it, or is as it should be; return it."""
        seen = (lambda text: is_there in text) if isinstance(is_there, str) else is_there
        while not seen(self.text()):
            if not self._read():
                raise AssertionError(f"ended: {self.output.decode(errors='replace')}")
        return self.text()

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._ours, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Make the window another size."""
        self.screen.resize(rows, columns)
        self.screen.reset()
        self._set_size(columns, rows)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Read to the end; return the exit code."""
        while self._read():
            pass
        return self._process.wait(PATIENCE_SECONDS)

    def hang_up(self) -> int:
        """Close the terminal; return the exit code."""
        os.close(self._ours)
        self._ours = -1
        return self._process.wait(PATIENCE_SECONDS)

    def _read(self) -> bool:
        ready, _, _ = select.select((self._ours,), (), (), PATIENCE_SECONDS)
        if not ready:
            raise AssertionError(f"nothing more came; the screen is:\n{self.text()}")
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # nobody has the terminal open any more
            return False
        self.output += data
        self._stream.feed(data)
        return bool(data)

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        if self._ours >= 0:
            os.close(self._ours)


def _become_its_session() -> None:
    """Make the terminal the one that keys and the end of the window send signals from."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
