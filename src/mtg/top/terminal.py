"""The terminal while `mtg top` has it: another screen, no echo, each key at once. It gets back what it had, always."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Self

from rich.console import Console, ConsoleDimensions
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from mtg.top.keys import decode_keys, is_unfinished

_ERASE_LINE = Control((ControlType.ERASE_IN_LINE, 2))
_REST_OF_A_KEY_SECONDS = 0.05
_HANDLED = (signal.SIGWINCH, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP)


def is_usable() -> bool:
    """Whether there is a terminal to draw on, with keys."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


class Terminal:
    """Draws, and waits for keys. SIGTERM and SIGHUP end the program as usual, Ctrl-Z stops it."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, file=sys.stdout)
        self._keyboard = sys.stdin.fileno()
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_writer, False)
        os.set_blocking(self._wake_reader, False)
        self._before: list[Any] = []
        self._handlers: dict[int, Any] = {}
        self._is_stopping = False

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self._keyboard)
        self._handlers = {number: signal.getsignal(number) for number in _HANDLED}
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        for number in _HANDLED:
            signal.signal(number, self._take_signal)
        self._take()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        with suppress(OSError, termios.error):  # it may be gone
            self._give_back()
        signal.set_wakeup_fd(-1)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._wake_reader)
        os.close(self._wake_writer)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows, as they are now."""
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
        return columns or 80, rows or 24

    def draw(self, lines: Sequence[Text]) -> None:
        """Show lines, from the top of the screen on; all at once, so that nothing flickers."""
        self._console.size = ConsoleDimensions(*self.size)
        with self._console as console:
            for row, line in enumerate(lines):
                console.control(Control.move_to(0, row), _ERASE_LINE)
                console.print(line, end="", soft_wrap=True)

    def wake(self) -> None:
        """Have `wait` return; from any thread."""
        with suppress(BlockingIOError):
            os.write(self._wake_writer, b"\0")

    def wait(self, timeout_seconds: float | None = None) -> tuple[str, ...]:
        """Wait for keys, for `wake`, for another size, or for the time-out; return keys that were pressed.

        Raises:
            EOFError: The terminal is gone.
        """
        ready, _, _ = select.select((self._keyboard, self._wake_reader), (), (), timeout_seconds)
        if self._wake_reader in ready:
            os.read(self._wake_reader, 4096)
        if self._is_stopping:
            self._stop()
        return self._read_keys() if self._keyboard in ready else ()

    def _read_keys(self) -> tuple[str, ...]:
        try:
            received = os.read(self._keyboard, 1024)
            while received and is_unfinished(received):
                if not select.select((self._keyboard,), (), (), _REST_OF_A_KEY_SECONDS)[0]:
                    break
                received += os.read(self._keyboard, 1024)
        except OSError:
            received = b""
        if not received:
            raise EOFError
        return tuple(decode_keys(received))

    def _take(self) -> None:
        tty.setcbreak(self._keyboard, termios.TCSADRAIN)
        self._console.set_alt_screen(True)
        self._console.show_cursor(False)

    def _give_back(self) -> None:
        termios.tcsetattr(self._keyboard, termios.TCSADRAIN, self._before)
        self._console.show_cursor(True)
        self._console.set_alt_screen(False)

    def _take_signal(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGTSTP:
            self._is_stopping = True
        elif number != signal.SIGWINCH:
            raise SystemExit(128 + number)

    def _stop(self) -> None:
        self._is_stopping = False
        self._give_back()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._take()  # somebody has continued it
