"""Why connections end, counted from events while they happen."""

from __future__ import annotations

import json
import threading
from collections import Counter

from mtg.control_client import ControlClient
from mtg.user_error import UserError

_AGAIN_SECONDS = 5.0


class Endings:
    """Counts in a thread of its own, until the process ends.

    Args:
        client: Asks the proxy; not used elsewhere.
    """

    def __init__(self, client: ControlClient) -> None:
        self._client = client
        self._counts: Counter[str] = Counter()
        self._lost = 0
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin to count."""
        threading.Thread(target=self._run, name="endings", daemon=True).start()

    @property
    def counts(self) -> Counter[str]:
        """How many connections have ended so far, by reason."""
        with self._lock:
            return self._counts.copy()

    @property
    def lost_events(self) -> int:
        """Events that came faster than they could be read; endings may be among them."""
        with self._lock:
            return self._lost

    def _run(self) -> None:
        waiting = threading.Event()
        while True:
            try:
                for name, data in self._client.events():
                    self._count(name, data)
            except (UserError, LookupError, TypeError, ValueError):
                pass  # `watch` finds out, too, and tells
            waiting.wait(_AGAIN_SECONDS)

    def _count(self, name: str, data: bytes) -> None:
        if name == "finish":
            with self._lock:
                self._counts[str(json.loads(data)["reason"])] += 1
        elif name == "lost":
            with self._lock:
                self._lost += json.loads(data)["events"]
