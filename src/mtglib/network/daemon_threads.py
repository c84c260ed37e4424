"""Threads for calls that may block for long and that nobody has to wait for."""

import threading
from collections.abc import Callable, Hashable
from typing import Protocol


class Work(Hashable, Protocol):
    """What a thread does."""

    def __call__(self) -> None:
        """Do it; must not raise."""
        ...


class DaemonThreads:
    """Up to `most` threads, which start when there is work, and end when there is none. The rest waits its turn."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._lock = threading.Lock()
        self._waiting: dict[Work, None] = {}  # in order
        self._running = 0

    def run(self, work: Work) -> None:
        """Have it done.

        Raises:
            OSError: The system gives no thread.
        """
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
                    return  # one of these comes to it
                del self._waiting[work]
            raise OSError(f"a look-up has no thread: {error}") from error

    def withdraw(self, work: Work) -> bool:
        """Take back what hasn't begun; returns whether that was so."""
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
