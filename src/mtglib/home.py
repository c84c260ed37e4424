"""Where a proxy lives: its sockets are watched by one event loop, and threads don't survive a fork."""

import asyncio
import os

from .errors import ProxyUseError


class Home:
    """The event loop and the process in which it is made.

    Attributes:
        left: Done when the proxy was shut down.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pid = os.getpid()
        self.left: asyncio.Future[None] = self._loop.create_future()

    def check(self) -> None:
        """Raise ProxyUseError if this is another place."""
        if os.getpid() != self._pid:
            raise ProxyUseError("this proxy served before a fork; make a new Proxy in the child")
        if asyncio.get_running_loop() is not self._loop:
            raise ProxyUseError("this proxy serves in another event loop; make a new Proxy for each")

    def leave(self) -> None:
        """Tell who waits for a stream that nothing will come of it any more."""
        if not self.left.done():
            self.left.set_result(None)
