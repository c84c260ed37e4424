"""A real Redis on a local port, that can be killed, stopped for a while and started again."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from support.nginx_site import make_certificate
from support.server_process import ServerProcess

SERVER = shutil.which("redis-server") or shutil.which("valkey-server")


class RedisServer(ServerProcess):
    """redis-server on 127.0.0.1, and on a Unix socket, for the length of the context.

    It writes nothing to disk, so it is empty after a restart. ``url`` contains the password, if there is one.
    """

    def __init__(self, *, password: str = "", tls: bool = False) -> None:
        super().__init__()
        self._password = password
        self._tls = tls

    @property
    def url(self) -> str:
        """Its URL over TCP, in the form for ``antireplay.Redis``."""
        user = f":{quote(self._password, safe='')}@" if self._password else ""
        if self._tls:
            return f"rediss://{user}localhost:{self.port}?ssl_ca_certs={self.root}/cert.pem"
        return f"redis://{user}127.0.0.1:{self.port}/0"

    @property
    def unix_url(self) -> str:
        """The URL of its Unix socket."""
        return f"unix://{self.root}/redis.sock"

    def command(self) -> Sequence[str | Path]:
        """See the base."""
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
            make_certificate("localhost", self.root)
            files = {"--tls-cert-file": f"{self.root}/cert.pem", "--tls-key-file": f"{self.root}/key.pem"}
            options |= {**files, "--tls-auth-clients": "no"}
        return [SERVER, *(word for option in options.items() for word in option)]

    async def is_ready(self) -> bool:
        """See the base."""
        try:
            return bool(await self.ask("PING"))
        except RedisConnectionError:
            return False

    def stall(self) -> None:
        """Stop answering, but keep connections, until `resume`."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue; all commands sent meanwhile are run now."""
        self.process.send_signal(signal.SIGCONT)

    async def ask(self, *words: str) -> object:
        """Run a command and return its answer."""
        async with Redis.from_url(self.unix_url, password=self._password or None, decode_responses=True) as client:
            answer: object = await client.execute_command(*words)  # type: ignore[no-untyped-call]
            return answer
