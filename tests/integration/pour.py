"""A sender that fills every buffer on the way."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import termios

from integration.pair import End
from support import sockets
from support.pattern import Pattern

_CHUNK_BYTES = 256 * 1024
_POLL_SECONDS = 0.004
_STABLE_POLLS = 15


class Pour:
    """Sends ``Pattern(seed)`` from one end until it is stopped: more than all buffers on the way can hold."""

    def __init__(self, end: End, seed: int = 1) -> None:
        self.end = end
        self.seed = seed
        self._pattern = Pattern(seed)
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name="test-pour")

    async def _run(self) -> None:
        while not self._stopping:
            await self.end.send(self._pattern.take(_CHUNK_BYTES))

    async def until_blocked(self) -> None:
        """Wait until the kernel has bytes to send, of which the other side takes none any more."""
        stable, before = 0, -1
        while stable < _STABLE_POLLS:
            await asyncio.sleep(_POLL_SECONDS)
            waiting = unacknowledged_bytes(self.end.sock)
            stable = stable + 1 if waiting == before > 0 else 0
            before = waiting

    async def complete(self) -> int:
        """Send what was begun, and a FIN; return how many bytes these were."""
        self._stopping = True
        await self._task
        self.end.send_eof()
        return self._pattern.position_bytes

    async def vanish(self) -> None:
        """Send a RST."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.end.reset()

    async def was_reset(self) -> bool:
        """Go on until the other side makes it impossible."""
        try:
            await self._task
        except (ConnectionResetError, BrokenPipeError):
            return True
        return False

    def check(self, received: sockets.Received, ending: sockets.Ending) -> None:
        """Compare what came at the other end, whole or cut off, and how that ended."""
        assert received.ending == ending
        Pattern(self.seed).check(received.data)


def unacknowledged_bytes(sock: socket.socket) -> int:
    """What the kernel was given to send and the other kernel hasn't acknowledged."""
    return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)), "little")
