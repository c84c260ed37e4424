"""Writes log lines without blocking on a slow reader or disk."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import queue
import select
import stat
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TextIO, TypeAlias

_MAX_LINES = 4096
_MAX_LINES_AT_ONCE = 256
_LAST_LINES_SECONDS = 0.5

_REST_SECONDS = 0.05
"""How long the thread pauses when it has written everything, unless somebody waits for that. Otherwise a busy log would
wake it for each line, and each time the event loop's thread waits for the interpreter's lock. It is short enough that
4096 lines don't arrive meanwhile."""

_Item: TypeAlias = str | threading.Event | None
"""A line; or an event to set when all lines before it are written; or None, which ends the thread."""


class Writer(Protocol):
    """A log's writer: one method for all levels."""

    def msg(self, line: str) -> None:
        """Write a line."""


def writer_for(stream: TextIO, on_dropped: Callable[[int], None]) -> Writer:
    """Make a writer for `stream`: with a thread, unless the stream is in memory."""
    return MemoryWriter(stream) if isinstance(stream, io.StringIO) else LineWriter(stream, on_dropped)


class LineWriter:
    """Writes lines in order from a thread. Lines beyond 4096 waiting ones are dropped and counted.

    The reader of a terminal, pipe or socket may have stopped reading, and a disk may stall. A stream with its own
    descriptor is written to directly, bypassing its buffer, whose lock would block other threads that print there and
    the interpreter's end. At the program's end the last lines have half a second.

    Args:
        stream: Where to write.
        on_dropped: Called with the number of lines that were dropped or couldn't be written, before the next line that
            can.
    """

    _dropped: int
    _dropping: Any  # re-entrant: a signal handler or a finalizer may log as well

    def __init__(self, stream: TextIO, on_dropped: Callable[[int], None]) -> None:
        self._stream = stream
        self._on_dropped = on_dropped
        self._start()

    def msg(self, line: str) -> None:
        """Write a line, soon."""
        if self._process != os.getpid():  # a forked child has no thread, and must not write its parent's lines
            self._start()
        dropped = 0
        with self._dropping:
            if self._lines.qsize() >= _MAX_LINES:
                self._dropped += 1
                return
            if not self._sink.failing:  # otherwise the warning would be lost as well
                dropped, self._dropped = self._dropped + self._sink.take_lost(), 0
        if dropped:
            self._on_dropped(dropped)
        self._lines.put(line)

    def _start(self) -> None:
        self._process = os.getpid()
        self._dropped = 0
        self._dropping = threading.RLock()  # a forked child's copy of its parent's lock may be locked forever
        self._lines: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._sink = _DescriptorSink(self._stream) if _has_own_descriptor(self._stream) else _StreamSink(self._stream)
        is_awaited = threading.Event()
        arguments = (self._lines, self._sink, is_awaited)
        thread = threading.Thread(target=_write_lines, args=arguments, name="mtg-log", daemon=True)
        thread.start()
        _writing[thread] = self._lines, is_awaited
        weakref.finalize(self, self._lines.put, None).atexit = False
        if util := sys.modules.get("multiprocessing.util"):  # processes of multiprocessing end without atexit
            util.Finalize(None, _end_all, exitpriority=0)


class MemoryWriter:
    """Writes lines to a stream that never blocks."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.RLock()  # re-entrant, as above

    def msg(self, line: str) -> None:
        """Write a line, now."""
        with self._lock:
            self._stream.write(f"{line}\n")


def flush(timeout_seconds: float) -> bool:
    """Wait until all earlier messages of this process's loggers are written; False if that takes too long."""
    deadline_mono = time.monotonic() + timeout_seconds
    markers = []
    for lines, is_awaited in dict(_writing).values():
        lines.put(marker := threading.Event())
        is_awaited.set()
        markers.append(marker)
    return all(marker.wait(max(deadline_mono - time.monotonic(), 0)) for marker in markers)


class _Sink:
    """The destination of lines, and the number of lost ones.

    Attributes:
        failing: Whether the last lines couldn't be written.
    """

    def __init__(self) -> None:
        self.failing = False
        self._lost: deque[int] = deque()  # appended to by one thread and emptied by others, without a lock

    def write(self, lines: list[str]) -> None:
        """Write; data that can't be written is lost."""
        if not lines:
            return
        lost = self._write("".join(f"{line}\n" for line in lines))
        self.failing = lost > 0
        if lost:
            self._lost.append(lost)

    def take_lost(self) -> int:
        """Return the number of lines lost since the previous call."""
        lost = 0
        if self._lost:  # a signal handler may take them between any two steps
            with contextlib.suppress(IndexError):
                while True:
                    lost += self._lost.popleft()
        return lost

    def close(self) -> None:
        """Close the descriptors opened here."""

    def _write(self, text: str) -> int:
        """Write; return how many lines couldn't be."""
        raise NotImplementedError


class _DescriptorSink(_Sink):
    """A duplicate of a stream's descriptor."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        with contextlib.suppress(OSError, ValueError):
            stream.flush()  # its earlier text comes first
        self._descriptor = os.dup(stream.fileno())
        self._torn = False

    def close(self) -> None:
        os.close(self._descriptor)

    def _write(self, text: str) -> int:
        data = text.encode(errors="backslashreplace")
        rest = b"\n" + data if self._torn else data  # ends a line that was cut off
        try:
            while rest:
                try:
                    written = os.write(self._descriptor, rest)
                    self._torn, rest = rest[:written][-1:] != b"\n", rest[written:]
                except BlockingIOError:  # our parent process shares a non-blocking descriptor with us
                    ready = select.poll()
                    ready.register(self._descriptor, select.POLLOUT)
                    ready.poll()
        except OSError:  # a full disk, a closed pipe
            return min(rest.count(b"\n"), data.count(b"\n"))
        return 0


class _StreamSink(_Sink):
    """A stream without its own descriptor, or one that transforms its data, for example by compression."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def _write(self, text: str) -> int:
        try:
            self._stream.write(text)
            self._stream.flush()
        except Exception:
            return text.count("\n")
        return 0


def _has_own_descriptor(stream: TextIO) -> bool:
    """Return whether data written to the stream reaches its descriptor unchanged."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError, AttributeError):  # it has none, or is closed
        return False
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stream.isatty():
        return True
    return isinstance(stream, io.TextIOWrapper) and isinstance(getattr(stream.buffer, "raw", None), io.FileIO)


_writing: dict[threading.Thread, tuple[queue.SimpleQueue[_Item], threading.Event]] = {}


@atexit.register
def _end_all() -> None:
    """Write the waiting lines, within half a second for all of them together."""
    deadline_mono = time.monotonic() + _LAST_LINES_SECONDS
    writing = dict(_writing)
    for lines, is_awaited in writing.values():
        lines.put(None)
        is_awaited.set()
    for thread in writing:
        thread.join(max(deadline_mono - time.monotonic(), 0))


def _write_lines(lines: queue.SimpleQueue[_Item], sink: _Sink, is_awaited: threading.Event) -> None:
    """Write lines until a None comes."""
    try:
        goes_on = True
        while goes_on:
            batch, goes_on = _some_lines(lines, sink)
            sink.write(batch)
            if goes_on and len(batch) < _MAX_LINES_AT_ONCE and is_awaited.wait(_REST_SECONDS):
                is_awaited.clear()
    finally:
        sink.close()
        _writing.pop(threading.current_thread(), None)
        with contextlib.suppress(queue.Empty):
            while True:  # nothing is left to be written for anyone who came while the thread rested
                if isinstance(item := lines.get_nowait(), threading.Event):
                    item.set()


def _some_lines(lines: queue.SimpleQueue[_Item], sink: _Sink) -> tuple[list[str], bool]:
    """Wait for a line; return it and the lines after it, and whether there may be more."""
    batch: list[str] = []
    item = lines.get()
    with contextlib.suppress(queue.Empty):
        while item is not None:
            if isinstance(item, str):
                batch.append(item)
                if len(batch) >= _MAX_LINES_AT_ONCE:
                    break
            else:
                sink.write(batch)
                batch.clear()
                item.set()
            item = lines.get_nowait()
    return batch, item is not None
