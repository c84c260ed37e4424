"""Restricts an object to one event loop and process: the loop watches its sockets, and threads don't survive a fork."""

from __future__ import annotations

import asyncio
import os

from ..errors import ProxyUseError


class Affinity:
    """The event loop and the process in which this object was created.

    Args:
        what: The name of the restricted object, for errors.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._loop = asyncio.get_running_loop()
        self._pid = os.getpid()

    @property
    def is_here(self) -> bool:
        """Whether the current event loop and process are the ones in which this object was created."""
        return os.getpid() == self._pid and asyncio.get_running_loop() is self._loop

    def check(self) -> None:
        """Raise ProxyUseError if `is_here` is False."""
        if os.getpid() != self._pid:
            raise ProxyUseError(f"this {self._what} was used before a fork; make a new one in the child")
        if not self.is_here:
            raise ProxyUseError(f"this {self._what} belongs to another event loop; make a new one for each")
