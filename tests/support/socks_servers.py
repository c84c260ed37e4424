"""SOCKS5 servers: Debian's microsocks and Dante, to be killed and started again, and one that follows a script."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from support import sockets
from support.server_process import ServerProcess
from support.tcp_server import TCPServer

_DANTE_CONFIG = """
logoutput: {folder}/log
errorlog: {folder}/errors
internal: 127.0.0.1 port = {port}
external: lo
user.privileged: root
user.unprivileged: nobody
clientmethod: none
socksmethod: none
client pass {{ from: 0/0 to: 0/0 }}
socks block {{ from: 0/0 to: 127.0.0.9/32 }}
socks pass {{ from: 0/0 to: 0/0 }}
"""


class MicroSocks(ServerProcess):
    """microsocks; with ``user``, it accepts nobody else."""

    def __init__(self, user: str = "", password: str = "") -> None:
        super().__init__()
        self._user = user
        self._password = password

    @property
    def url(self) -> str:
        """Its URL, with user and password."""
        credentials = f"{quote(self._user, safe='')}:{quote(self._password, safe='')}@" if self._user else ""
        return f"socks5://{credentials}127.0.0.1:{self.port}"

    def command(self) -> Sequence[str | Path]:
        """See the base."""
        credentials = ["-u", self._user, "-P", self._password] if self._user else []
        return ["microsocks", "-i", "127.0.0.1", "-p", str(self.port), *credentials]


class Dante(ServerProcess):
    """Dante's danted without authentication; its rules allow all targets except 127.0.0.9."""

    @property
    def url(self) -> str:
        """Its URL."""
        return f"socks5://127.0.0.1:{self.port}"

    def command(self) -> Sequence[str | Path]:
        """See the base."""
        (self.root / "conf").write_text(_DANTE_CONFIG.format(folder=self.root, port=self.port))
        return ["danted", "-f", self.root / "conf", "-p", self.root / "pid"]

    async def kill(self) -> None:
        """End it with its children, which would survive a killed parent."""
        if self._process is not None:
            self._process.terminate()
            await asyncio.to_thread(self._process.wait)
            self._process = None


class ScriptedProxy(TCPServer):
    """A proxy that does what ``script`` says with each connection."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.script = script
        self.accepted = 0
        self._ended = 0
        self._answered = 0
        self._changed = asyncio.Condition()

    @property
    def url(self) -> str:
        """Its URL."""
        return f"socks5://{self.address}"

    async def serve_socket(self, sock: socket.socket) -> None:
        """Follow the script, then wait for the client's end."""
        self.accepted += 1
        await self.script(sock)
        async with self._changed:
            self._answered += 1
            self._changed.notify_all()
        await sockets.recv_until_end(sock)
        async with self._changed:
            self._ended += 1
            self._changed.notify_all()

    async def answered(self, count: int) -> None:
        """Wait until `count` scripts are done."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._answered >= count)

    async def ended(self, count: int) -> None:
        """Wait until `count` clients have ended their connections after a whole script."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._ended >= count)


Script = Callable[[socket.socket], Awaitable[None]]


def answers(*parts: bytes, segment_bytes: int | None = None) -> Script:
    """Make a script that sends the next part each time that something comes."""

    async def follow(sock: socket.socket) -> None:
        for part in parts:
            await asyncio.get_running_loop().sock_recv(sock, sockets.RECV_BYTES)
            await sockets.send_all(sock, part, segment_bytes=segment_bytes)

    return follow


def answers_and_ends(*parts: bytes) -> Script:
    """Make a script like that of `answers`, with a FIN after the last part."""

    async def follow(sock: socket.socket) -> None:
        await answers(*parts)(sock)
        sockets.send_eof(sock)

    return follow
