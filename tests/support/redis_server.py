"""A real Redis on a local port, that can be killed, stopped for a while and started again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from support.nginx_site import make_certificate

SERVER = shutil.which("redis-server") or shutil.which("valkey-server")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class RedisServer:
    """redis-server on 127.0.0.1, and on a Unix socket, for the length of the context.

    It writes nothing to disk: who restarts it finds it empty. ``url`` has the password, if there is one.
    """

    def __init__(self, *, password: str = "", tls: bool = False) -> None:
        self.port = free_port()
        self._password = password
        self._tls = tls
        self._folder = tempfile.TemporaryDirectory(prefix="redis-")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> Path:
        """The folder that holds everything of this server."""
        return Path(self._folder.name)

    @property
    def url(self) -> str:
        """Where it is over TCP, as ``antireplay.Redis`` wants it."""
        user = f":{quote(self._password, safe='')}@" if self._password else ""
        if self._tls:
            return f"rediss://{user}localhost:{self.port}?ssl_ca_certs={self.root}/cert.pem"
        return f"redis://{user}127.0.0.1:{self.port}/0"

    @property
    def unix_url(self) -> str:
        """Where its Unix socket is."""
        return f"unix://{self.root}/redis.sock"

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        assert SERVER is not None
        port = {"--port": "0", "--tls-port": str(self.port)} if self._tls else {"--port": str(self.port)}
        options = {
            **port,
            "--bind": "127.0.0.1",
            "--unixsocket": f"{self.root}/redis.sock",
            "--dir": f"{self.root}",
            "--save": "",
            "--appendonly": "no",
            "--logfile": f"{self.root}/log",
        }
        if self._password:
            options["--requirepass"] = self._password
        if self._tls:
            await asyncio.to_thread(make_certificate, "localhost", self.root)
            files = {"--tls-cert-file": f"{self.root}/cert.pem", "--tls-key-file": f"{self.root}/key.pem"}
            options |= {**files, "--tls-auth-clients": "no"}
        arguments = [word for option in options.items() for word in option]
        self._process = subprocess.Popen([SERVER, *arguments], stdin=subprocess.DEVNULL)
        async with asyncio.timeout(20):
            while not await self._answers():
                await asyncio.sleep(0.01)

    async def kill(self) -> None:
        """End it as a crash does; nothing is left."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
            self._process = None

    def stall(self) -> None:
        """Let it hold its connections and answer nothing, until `resume`."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it work again; it then does all that it was sent meanwhile."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    async def command(self, *words: str) -> object:
        """Run a command and return its answer."""
        async with Redis.from_url(self.unix_url, password=self._password or None, decode_responses=True) as client:
            answer: object = await client.execute_command(*words)  # type: ignore[no-untyped-call]
            return answer

    async def _answers(self) -> bool:
        try:
            return bool(await self.command("PING"))
        except (RedisConnectionError, OSError):
            assert self._process is not None
            assert self._process.poll() is None, "redis-server ended by itself"
            return False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()
        self._folder.cleanup()
