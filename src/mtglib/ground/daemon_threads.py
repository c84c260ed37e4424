"""Threads for calls that may block for long, without making the caller or the program's end wait for them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from typing import Protocol


class Work(Hashable, Protocol):
    """Work for a thread."""

    def __call__(self) -> None:
        """Do it; must not raise."""
        ...


class DaemonThreads:
    """Up to `most` threads, which start when there is work and end when there is none. More work waits its turn.

    A forked process starts afresh: threads don't survive a fork, and their work belongs to their process.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._pid = os.getpid()
        self._crew = _Crew(most, name)

    def run(self, work: Work) -> None:
        """Do it in a thread.

        Raises:
            OSError: The system gives no thread.
        """
        if self._pid != os.getpid():
            # If two threads come here at once, the crew that is replaced still does the work it was given.
            self._crew, self._pid = _Crew(self._most, self._name), os.getpid()
        self._crew.run(work)

    def withdraw(self, work: Work) -> bool:
        """Withdraw work that hasn't begun; return whether it was withdrawn."""
        return self._pid == os.getpid() and self._crew.withdraw(work)


class _Crew:
    """The threads of one process."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._lock = threading.Lock()
        self._waiting: dict[Work, None] = {}  # in order
        self._running = 0

    def run(self, work: Work) -> None:
        with self._lock:
            self._waiting[work] = None
            if self._running == self._most:
                return
            self._running += 1
        try:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        except RuntimeError as error:
            with self._lock:
                self._running -= 1
                if self._running:
                    return  # a running thread will do it
                del self._waiting[work]
            raise OSError(f"no thread could be started: {error}") from error

    def withdraw(self, work: Work) -> bool:
        with self._lock:
            if work not in self._waiting:
                return False
            del self._waiting[work]
            return True

    def _work(self) -> None:
        while (work := self._next()) is not None:
            work()

    def _next(self) -> Callable[[], None] | None:
        with self._lock:
            if not self._waiting:
                self._running -= 1
                return None
            work = next(iter(self._waiting))
            del self._waiting[work]
            return work
