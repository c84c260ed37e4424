"""Servers that we didn't write, as child processes."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from support import sockets
from support.ports import free_port


def is_missing(*programs: str) -> str | None:
    """Return that one of these programs isn't installed, or None."""
    return next((f"{program} is not installed" for program in programs if shutil.which(program) is None), None)


class ServerProcess(ABC):
    """A server on ``port`` of 127.0.0.1 for the length of the context, with a folder of its own.

    Subclasses say what to start, and may override how to find out whether it is ready and how to end it.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="server-")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> Path:
        """Its folder."""
        return Path(self._folder.name)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Its process; it must have been started."""
        assert self._process is not None
        return self._process

    @abstractmethod
    def command(self) -> Sequence[str | Path]:
        """Prepare its files; return the command to start."""

    async def is_ready(self) -> bool:
        """Return whether it is ready: by default, whether it accepts connections.

        Raises:
            OSError: It doesn't.
        """
        sockets.close(await sockets.connect("127.0.0.1", self.port))
        return True

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        command = await asyncio.to_thread(self.command)
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        async with asyncio.timeout(20):
            while not await self._is_ready_now():
                assert self.process.poll() is None, f"{command[0]} ended by itself"
                await asyncio.sleep(0.005)  # there is no other way to wait for another program

    async def kill(self) -> None:
        """End it like a crash, with all its connections; ``start`` starts it again."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
            self._process = None

    async def _is_ready_now(self) -> bool:
        try:
            return await self.is_ready()
        except OSError:
            return False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()
        self._folder.cleanup()
