"""The original statsd, from npm."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support import sockets
from support.ports import free_port
from support.server_process import ServerProcess, is_missing

_PROGRAM = Path(os.environ.get("STAMPS", ".stamps"), "npm/node_modules/statsd/stats.js")
_ROOT = Path(__file__).parents[2]


def statsd_is_missing() -> str | None:
    """Return why no statsd can run here, or None."""
    if reason := is_missing("node"):
        return reason
    return None if (_ROOT / _PROGRAM).exists() else "statsd is not installed (npm install statsd)"


class StatsdServer(ServerProcess):
    """statsd on a local UDP port for the length of the context; it never flushes, so its values can be queried."""

    def __init__(self) -> None:
        super().__init__()
        self._admin_port = free_port()

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
        return ast.literal_eval(answer.removesuffix(b"END\n\n").decode())  # Node's notation, which Python can parse

    def command(self) -> Sequence[str | Path]:
        """See the base."""
        config = self.root / "config.js"
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
        return [node, _ROOT / _PROGRAM, config]

    async def is_ready(self) -> bool:
        """See the base."""
        await self.counters()
        return True
