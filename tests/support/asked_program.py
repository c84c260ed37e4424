"""A whole program with users and clients, to be asked what it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from support import sockets
from support.fake_dc import FakeDC
from support.faketls_client import FakeTLSClient
from support.front import RecordingFront, listen_only
from support.ports import free_port
from support.program import Program, write
from support.secrets import PeerSecret, secret_hex

HOST = "front.example"
SECRETS = {name: PeerSecret(bytes([number]) * 16, HOST) for number, name in enumerate(("ann", "bob"), start=1)}


@dataclass(frozen=True)
class AskedProgram:
    """The program, and where it is.

    Its users are those of `SECRETS`; more can be added to its users-file.
    """

    process: Program
    port: int
    config: Path
    socket: Path

    async def client(self, user: str) -> FakeTLSClient:
        """A client whose first bytes have come back."""
        client = await FakeTLSClient.connect("127.0.0.1", self.port, SECRETS[user])
        await client.send(b"hello")
        assert await client.recv_exactly(5) == b"hello"
        return client


@asynccontextmanager
async def asked_program(folder: Path, **clients: int) -> AsyncIterator[AskedProgram]:
    """Run it with so many clients of each user, whose data centre sends back what comes."""
    async with FakeDC() as dc, RecordingFront(listen_only) as front:
        config = write(folder, _configuration(folder, dc.address, front.port))
        with Program("run", config) as process:
            program = AskedProgram(process, await asyncio.to_thread(process.started), config, folder / "mtg.sock")
            here = [await program.client(user) for user, count in clients.items() for _ in range(count)]
            try:
                yield program
            finally:
                for client in here:
                    sockets.close(client.sock)


def _configuration(folder: Path, dc: str, front_port: int) -> str:
    users = "".join(f'[users.{name}]\nsecret = "{secret_hex(secret)}"\n' for name, secret in SECRETS.items())
    return (
        f'bind-to = "127.0.0.1:{free_port()}"\npublic-ipv4 = "203.0.113.5"\nusers-file = "users.toml"\n'
        f'control-socket = "{folder}/mtg.sock"\n[dc-overrides]\n2 = ["{dc}"]\n'
        f'[defense.front-learning]\nenabled = false\n[domain-fronting]\nip = "127.0.0.1"\nport = {front_port}\n{users}'
    )
