"""The data a peer hasn't acknowledged yet. The kernel doesn't report the last acknowledgement, so we have to poll.

The polls become rarer: the pause is a quarter of the time that has passed, at least 10 ms and at most two seconds.
docs/adr/0013 says why.
"""

from __future__ import annotations

_MIN_PAUSE_SECONDS = 0.01
_MAX_PAUSE_SECONDS = 2.0


class Backlog:
    """Bytes on their way to a peer's kernel.

    Attributes:
        begun_at_mono: When watching began.
        taken_at_mono: When the last byte was known to be taken.
        left_bytes: The number of bytes at the last poll.
    """

    __slots__ = ("_looked_at_mono", "begun_at_mono", "left_bytes", "taken_at_mono")

    def __init__(self, now_mono: float, left_bytes: int) -> None:
        self.begun_at_mono = self.taken_at_mono = self._looked_at_mono = now_mono
        self.left_bytes = left_bytes

    def note_left(self, now_mono: float, left_bytes: int) -> None:
        """Note how many bytes are left; if they are fewer than last time, some were taken."""
        if left_bytes < self.left_bytes:
            self.taken_at_mono = now_mono
        self._looked_at_mono = now_mono
        self.left_bytes = left_bytes

    @property
    def next_look_mono(self) -> float:
        """When to look again."""
        passed_seconds = self._looked_at_mono - self.begun_at_mono
        return self._looked_at_mono + min(max(passed_seconds / 4, _MIN_PAUSE_SECONDS), _MAX_PAUSE_SECONDS)
