"""Senders of empty records at full speed don't keep the others waiting: the turns of the event loop are counted."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack, suppress

from integration.relayed import engine, run
from mtglib.relay.job import TelegramCiphers
from mtglib.wire.aes_ctr import CipherState
from support import sockets
from support.tls_records import APPLICATION_DATA, make_record

FLOODERS = 60
EMPTY = make_record(APPLICATION_DATA, b"")
MAX_TURNS = 50
"""Of the event loop, for a request to upstream and the answer to it."""


def ciphers() -> TelegramCiphers:
    return TelegramCiphers(CipherState(bytes(32), bytes(16)), CipherState(bytes(32), bytes(16)), None, None)


class Counting:
    """Counts the turns of the event loop that runs the test."""

    def __init__(self) -> None:
        self.count = 0
        self._task = asyncio.create_task(self._count())

    async def _count(self) -> None:
        while True:
            await asyncio.sleep(0)
            self.count += 1

    def stop(self) -> None:
        """Count no more."""
        self._task.cancel()


async def test_a_round_trip_beside_floods_takes_a_few_turns(relay: str) -> None:
    """Flooders send from a thread: in the event loop they would be as fair as everything there is."""
    stopping = threading.Event()
    async with engine(relay) as relays, AsyncExitStack() as stack:
        flooders = [await stack.enter_async_context(run(relays, ciphers=ciphers())) for _ in range(FLOODERS)]
        client = await stack.enter_async_context(run(relays, ciphers=ciphers()))

        def flood() -> None:
            records = EMPTY * 10_000
            begun = [0] * len(flooders)  # how much of a record has been sent: it has to be gone on with
            while not stopping.is_set():
                for index, flooder in enumerate(flooders):
                    with suppress(BlockingIOError):
                        sent_bytes = flooder.client.sock.send(records[begun[index] :])
                        begun[index] = (begun[index] + sent_bytes) % len(EMPTY)

        thread = threading.Thread(target=flood)
        thread.start()
        counting = Counting()
        try:
            await asyncio.sleep(0.2)
            for _ in range(5):
                before = counting.count
                await client.client.send(make_record(APPLICATION_DATA, b"ping"))
                assert await sockets.recv_exactly(client.upstream.sock, 4) == b"ping"
                await client.upstream.send(b"pong")
                assert await sockets.recv_exactly(client.client.sock, 9) == make_record(APPLICATION_DATA, b"pong")
                if relay == "pure":
                    assert counting.count - before < MAX_TURNS
        finally:
            counting.stop()
            stopping.set()
            thread.join()
