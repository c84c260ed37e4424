"""A long wire on one machine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from support.server_process import ServerProcess

_MAIN = Path(__file__).with_name("slow_wire_main.py")


class SlowWire(ServerProcess):
    """A way to another port of this machine.

    Args:
        target_port: Where it leads.
        seconds: How long it takes, there and back.
        spread_seconds: How much longer it may take, there and back.
    """

    def __init__(self, target_port: int, seconds: float, spread_seconds: float) -> None:
        super().__init__()
        self._numbers = (self.port, target_port, seconds / 2, spread_seconds / 2)

    def command(self) -> Sequence[str | Path]:
        """See the base."""
        return [sys.executable, _MAIN, *map(str, self._numbers)]
