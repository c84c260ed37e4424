"""The original statsd, from npm."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support import sockets

_PROGRAM = Path(os.environ.get("STAMPS", ".stamps"), "npm/node_modules/statsd/stats.js")
_ROOT = Path(__file__).parents[2]


def statsd_is_missing() -> str | None:
    """Return why no statsd can run here, or None."""
    if shutil.which("node") is None:
        return "node is not installed"
    return None if (_ROOT / _PROGRAM).exists() else "statsd is not installed (npm install statsd)"


class StatsdServer:
    """statsd on a local UDP port for the length of the context; it never flushes, so that what it has can be asked."""

    def __init__(self) -> None:
        self.port = _free_udp_port()
        self._admin_port = _free_tcp_port()
        self._folder = tempfile.TemporaryDirectory(prefix="statsd-")
        self._process: subprocess.Popen[bytes] | None = None

    async def counters(self) -> dict[str, float]:
        """Return all counters."""
        counters: dict[str, float] = await self._ask("counters")
        return counters

    async def gauges(self) -> dict[str, float]:
        """Return all gauges."""
        gauges: dict[str, float] = await self._ask("gauges")
        return gauges

    async def timers(self) -> dict[str, list[float]]:
        """Return all timings, in milliseconds."""
        timers: dict[str, list[float]] = await self._ask("timers")
        return timers

    async def _ask(self, command: str) -> Any:
        sock = await sockets.connect("127.0.0.1", self._admin_port)
        try:
            await sockets.send_all(sock, command.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"END\n\n"):
                answer += await asyncio.get_running_loop().sock_recv(sock, sockets.RECV_BYTES)
        finally:
            sockets.close(sock)
        return ast.literal_eval(answer.removesuffix(b"END\n\n").decode())  # node's notation, which Python shares

    async def __aenter__(self) -> Self:
        config = Path(self._folder.name, "config.js")
        settings = {
            "address": "127.0.0.1",
            "port": self.port,
            "mgmt_address": "127.0.0.1",
            "mgmt_port": self._admin_port,
            "flushInterval": 3_600_000,
            "backends": [],
        }
        config.write_text(json.dumps(settings))
        node = shutil.which("node")
        assert node is not None
        self._process = subprocess.Popen(
            [node, _ROOT / _PROGRAM, config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        async with asyncio.timeout(20):
            while not await self._answers():
                await asyncio.sleep(0.02)
        return self

    async def _answers(self) -> bool:
        try:
            await self.counters()
        except OSError:
            return False
        return True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        self._folder.cleanup()


def _free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _free_tcp_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port
