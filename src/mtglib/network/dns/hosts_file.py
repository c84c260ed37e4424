"""Names that are resolved without a server: those of /etc/hosts, and localhost (RFC 6761)."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from ...ground.endpoints import canonical_ip

_LOOPBACK = ("::1", "127.0.0.1")


class HostsFile:
    """The names of a hosts file; it is read again when it has changed."""

    def __init__(self, path: str = "/etc/hosts") -> None:
        self._path = Path(path)
        self._stamp: tuple[int, int] | None = None
        self._known: dict[str, list[str]] = {}

    async def addresses(self, name: str) -> list[str]:
        """Return the addresses of a name in lower case without its last dot; empty if the file doesn't have it."""
        if name == "localhost" or name.endswith(".localhost"):
            return list(_LOOPBACK)
        try:
            status = os.stat(self._path)
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._stamp and stat.S_ISREG(status.st_mode):  # reading a pipe might never end
                self._known = await asyncio.to_thread(self._read)  # ad blocking lists have megabytes
                self._stamp = stamp
        except OSError:
            return []
        return self._known.get(name, [])

    def _read(self) -> dict[str, list[str]]:
        return parse_hosts(self._path.read_text(encoding="utf-8", errors="replace"))


def parse_hosts(text: str) -> dict[str, list[str]]:
    """Parse a hosts file: name in lower case -> its addresses. Invalid lines are skipped."""
    known: dict[str, list[str]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if names and canonical_ip(address) is not None:
            for name in names:
                known.setdefault(name.lower().rstrip("."), []).append(address)
    return known
