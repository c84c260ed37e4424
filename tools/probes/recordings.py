"""A censor's recordings of real clients: their first bytes, which every proxy under test has already answered."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from support import sockets
from support.client_hello import RANDOM_AT, Shape, build_client_hello, hello_records, sign_hello
from support.faketls_client import FakeTLSClient
from support.obfuscated2 import make_frame
from support.secrets import PeerSecret
from support.tls_records import CHANGE_CIPHER_SPEC, cut_records

_CLOCK_AT = 5 + RANDOM_AT + 28  # in the bytes on the wire


@dataclass(frozen=True)
class Recording:
    """The hello as it was on the wire, everything that the client sent after it, and when (Unix seconds)."""

    hello: bytes
    rest: bytes
    made_unix: int

    def retimed(self) -> Recording:
        """Return it as if it was made now: its last four random bytes hide the clock, and nothing protects them.

        A recording of this second is set to the next one, as it would be the same otherwise.
        """
        now_unix = int(time.time())
        now_unix += now_unix == self.made_unix
        clock = self.hello[_CLOCK_AT : _CLOCK_AT + 4]
        hidden = bytes(
            a ^ b ^ c
            for a, b, c in zip(clock, struct.pack("<I", self.made_unix), struct.pack("<I", now_unix), strict=True)
        )
        return replace(self, hello=self.hello[:_CLOCK_AT] + hidden + self.hello[_CLOCK_AT + 4 :], made_unix=now_unix)


class Recorder:
    """Makes recordings, with the secret; ``ports`` are those of the proxies."""

    def __init__(self, secret: PeerSecret, ports: Sequence[int]) -> None:
        self._secret = secret
        self._ports = ports
        self._kept: dict[str, asyncio.Task[Recording]] = {}

    async def recording(self, name: str, shape: Shape = "modern") -> Recording:
        """Return the recording with this name. The first time, each proxy admits a client with these bytes."""
        if name not in self._kept:
            self._kept[name] = asyncio.create_task(self._make(shape), name=f"record {name}")
        return await asyncio.shield(self._kept[name])

    async def _make(self, shape: Shape) -> Recording:
        made_unix = int(time.time())
        message = sign_hello(build_client_hello(self._secret.host, shape=shape), self._secret.key, made_unix)
        frame = make_frame(self._secret.key, 2)
        recording = Recording(
            hello_records(message),
            CHANGE_CIPHER_SPEC + cut_records(frame.wire + frame.up.apply(bytes(200))),
            made_unix,
        )
        for port in self._ports:
            await self._play(message, recording, port)
        return recording

    async def _play(self, message: bytes, recording: Recording, port: int) -> None:
        client = FakeTLSClient(await sockets.connect("127.0.0.1", port), self._secret, hello=message)
        async with client, asyncio.timeout(10):
            await client.send_raw(recording.hello)
            await client.receive_answer()
            await client.send_raw(recording.rest)
