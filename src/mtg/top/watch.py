"""Takes snapshots in a thread of its own, so that a proxy that is slow to answer doesn't slow down the keys."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mtg.control_client import ControlClient, NotRunningError
from mtg.top.picture import Picture, make_picture
from mtg.top.snapshot import Snapshot, take_snapshot
from mtg.user_error import UserError


class Watch:
    """Watches a proxy until the process ends.

    Args:
        client: Asks the proxy; not used elsewhere.
        first: The first snapshot.
        pause_seconds: How long to wait between two.
        tell: Called in the thread when anything has changed.

    Attributes:
        picture: The latest.
        problem: Why there is no newer one.
        is_over: Whether the proxy has ended.
    """

    def __init__(
        self, client: ControlClient, first: Snapshot, *, pause_seconds: float, tell: Callable[[], None]
    ) -> None:
        self.picture: Picture = make_picture(first, first)
        self.problem = ""
        self.is_over = False
        self._client = client
        self._snapshot = first
        self._pause_seconds = pause_seconds
        self._tell = tell
        self._at_once = threading.Event()
        self._stopped = False

    def start(self) -> None:
        """Begin to watch."""
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def stop(self) -> None:
        """Tell nobody any more."""
        self._stopped = True

    def refresh(self) -> None:
        """Take the next snapshot at once."""
        self._at_once.set()

    def _run(self) -> None:
        while not self.is_over:
            self._at_once.wait(self._pause_seconds)
            self._at_once.clear()
            try:
                snapshot = take_snapshot(self._client)
                self.picture, self.problem = make_picture(self._snapshot, snapshot), ""
                self._snapshot = snapshot
            except NotRunningError:
                self.is_over = True
            except UserError as error:
                self.problem = error.lines[0]
            except Exception as error:  # a thread's traceback would be drawn over the screen
                self.problem = f"an answer of the proxy can't be read: {error!r}"
            if self._stopped:
                return
            self._tell()
