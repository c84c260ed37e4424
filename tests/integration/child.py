"""Runs a module of these tests as a process of its own, to be talked to over its stdin and stdout."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self


class Child:
    """``python -m MODULE ARGUMENTS``; killed when the context is left, if it hasn't ended."""

    def __init__(self, module: str, *arguments: object) -> None:
        self._command = [sys.executable, "-W", "default", "-m", module, *map(str, arguments)]
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    def cpu_seconds(self) -> float:
        """How much time it has used, in all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def line(self) -> str:
        """The next line of its output, without its end; an EOFError when there is none."""
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            raise EOFError("the child has ended")
        return line.decode().rstrip()

    async def rest(self) -> list[str]:
        """Let its input end, and wait for all other lines and its exit, whose code must be 0."""
        output, errors = await self.process.communicate(b"")
        assert self.process.returncode == 0, errors.decode()
        assert errors == b"", errors.decode()
        return output.decode().splitlines()

    async def __aenter__(self) -> Self:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.communicate()
