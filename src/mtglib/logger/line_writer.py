"""Lines for a terminal, a pipe or a socket, written without waiting for whoever reads them."""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import select
import stat
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, TextIO

_MAX_LINES = 4096
_MAX_LINES_AT_ONCE = 256
_LAST_LINES_SECONDS = 1.0


def may_block(stream: TextIO) -> bool:
    """Tell whether writing can take as long as somebody else likes: to a terminal, a pipe, a socket."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):  # none of the system's, or closed
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stream.isatty()


class LineWriter:
    """Writes lines in their order from a thread. What finds 4096 of them waiting is dropped and counted.

    The thread goes past the stream's buffer, whose lock would hold up whoever else prints there and the
    interpreter's end. At the program's end the last lines have one second.

    Args:
        stream: One for which `may_block` is true.
        on_dropped: Called with the number of dropped lines before the next line that isn't.
    """

    _dropped: int
    _dropping: Any  # re-entrant: a signal handler or a finalizer may log as well

    def __init__(self, stream: TextIO, on_dropped: Callable[[int], None]) -> None:
        self._stream = stream
        self._on_dropped = on_dropped
        self._start()

    def msg(self, line: str) -> None:
        """Write a line, soon."""
        if self._process != os.getpid():  # a forked child has no thread, and its parent's lines are its parent's
            self._start()
        with self._dropping:
            if self._lines.qsize() >= _MAX_LINES:
                self._dropped += 1
                return
            dropped, self._dropped = self._dropped, 0
        if dropped:
            self._on_dropped(dropped)
        self._lines.put(line)

    debug = info = warning = msg

    def _start(self) -> None:
        self._process = os.getpid()
        self._dropped = 0
        self._dropping = threading.RLock()  # that of a forked child's parent may be locked for ever
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        arguments = (self._lines, os.dup(self._stream.fileno()))
        thread = threading.Thread(target=_write_lines, args=arguments, name="mtg-log", daemon=True)
        thread.start()
        _writing[thread] = self._lines
        weakref.finalize(self, self._lines.put, None).atexit = False
        if util := sys.modules.get("multiprocessing.util"):  # its children end without atexit
            util.Finalize(None, _end_all, exitpriority=0)


_writing: dict[threading.Thread, queue.SimpleQueue[str | None]] = {}


@atexit.register
def _end_all() -> None:
    """Write what is waiting, all of it within a second or not at all."""
    deadline_mono = time.monotonic() + _LAST_LINES_SECONDS
    writing = dict(_writing)
    for lines in writing.values():
        lines.put(None)
    for thread in writing:
        thread.join(max(deadline_mono - time.monotonic(), 0))


def _write_lines(lines: queue.SimpleQueue[str | None], descriptor: int) -> None:
    """Write until there is a None in place of a line."""
    try:
        while (batch := _some_lines(lines))[-1] is not None:
            _write(descriptor, batch)
        _write(descriptor, batch[:-1])
    finally:
        os.close(descriptor)
        _writing.pop(threading.current_thread(), None)


def _some_lines(lines: queue.SimpleQueue[str | None]) -> list[str | None]:
    """Wait for a line; return it with those behind it, up to a None."""
    batch = [lines.get()]
    with contextlib.suppress(queue.Empty):
        while batch[-1] is not None and len(batch) < _MAX_LINES_AT_ONCE:
            batch.append(lines.get_nowait())
    return batch


def _write(descriptor: int, lines: list[str | None]) -> None:
    rest = "".join(f"{line}\n" for line in lines).encode(errors="backslashreplace")
    with contextlib.suppress(OSError):  # a closed pipe: there is nobody whom one could tell
        while rest:
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BlockingIOError:  # whoever started us shares a non-blocking descriptor with us
                ready = select.poll()
                ready.register(descriptor, select.POLLOUT)
                ready.poll()


class FileWriter:
    """Writes lines to what has no descriptor, or one that never waits for anybody, such as a file."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.RLock()  # re-entrant, as above

    def msg(self, line: str) -> None:
        """Write a line, now."""
        with self._lock:
            self._stream.write(f"{line}\n")
            self._stream.flush()

    debug = info = warning = msg
