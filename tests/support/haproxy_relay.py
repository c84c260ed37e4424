"""haproxy as a plain TCP relay: what an operator's own balancer does in front of a proxy, or behind it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from support.server_process import ServerProcess

_CONFIG = """
global
  maxconn 2000
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen relay
  bind 127.0.0.1:{port}
  server target 127.0.0.1:{target_port}
"""


def haproxy_relay_is_missing() -> str | None:
    """Return why it can't run here, or None."""
    return None if shutil.which("haproxy") else "haproxy is not installed"


class HaproxyRelay(ServerProcess):
    """Whatever connects to ``port`` is connected to ``target_port``."""

    def __init__(self, target_port: int) -> None:
        super().__init__()
        self._target_port = target_port

    def command(self) -> Sequence[str | Path]:
        """See the base."""
        config = self.root / "haproxy.cfg"
        config.write_text(_CONFIG.format(port=self.port, target_port=self._target_port))
        return ["haproxy", "-db", "-f", config]

    async def is_ready(self) -> bool:
        """Tell whether it listens, without a connection: that would reach the target."""
        listening = f" 0100007F:{self.port:04X} 00000000:0000 0A "
        return listening in Path("/proc/net/tcp").read_text()
