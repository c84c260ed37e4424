"""Whatever two peers do, both relays deliver the same bytes, end in the same way, and count the same."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mtglib
from integration.relayed import Relayed, relayed
from mtglib.relay.job import TelegramCiphers
from mtglib.wire.aes_ctr import CipherState, crypt
from mtglib.wire.record_stream import RecordDecoder
from support import sockets
from support.eventually import eventually
from support.tls_records import APPLICATION_DATA, make_record

if mtglib.engine_description() != "native":
    pytest.skip(f"no native relay: {mtglib.engine_description()}", allow_module_level=True)

Side = Literal["client", "upstream"]
STATES = [CipherState(bytes((n,)) * 32, bytes((n,)) * 16) for n in range(4)]


@dataclass(frozen=True)
class Do:
    """What a peer does: send payload, in pieces of a size, or end its side."""

    side: Side
    what: Literal["send", "nothing", "fin", "reset", "bad record"]
    payload: bytes = b""
    piece_bytes: int = 1 << 20


SIDES: st.SearchStrategy[Side] = st.sampled_from(("client", "upstream"))
PAYLOADS = st.builds(
    lambda n, seed: bytes((seed,)) * n, st.sampled_from((1, 7, 1000, 16384, 100_000)), st.integers(0, 255)
)
SENDS = st.builds(Do, SIDES, st.just("send"), PAYLOADS, st.sampled_from((1000, 4096, 16_389, 1 << 20)))
OTHERS = st.builds(Do, SIDES, st.sampled_from(("nothing", "fin", "reset", "bad record")))
SCRIPTS = st.lists(st.one_of(SENDS, SENDS, OTHERS), max_size=12)


class Watcher:
    """Reads what a peer gets, always."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.got = bytearray()
        self.ending = "open"
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while chunk := await loop.sock_recv(self.sock, sockets.RECV_BYTES):
                self.got += chunk
            self.ending = "eof"
        except (ConnectionResetError, BrokenPipeError):
            self.ending = "reset"


class Play:
    """A script that is played over one relay, each step to its end, so that the outcome depends on nothing else."""

    def __init__(self, around: Relayed, mode: str) -> None:
        self.around = around
        self.has_records = mode != "raw"
        self.watchers = {side: Watcher(around.end(side).sock) for side in ("client", "upstream")}
        self.sent_bytes = {"client": 0, "upstream": 0}
        self.ended: set[str] = set()
        self.nothing = b""  # records without data; what comes of the next ones shows that they were read

    async def run(self, script: list[Do]) -> dict[str, Any]:
        """Play it; return everything that can be seen from outside."""
        for do in script:
            if do.side not in self.ended and not self.around.running.done():
                await self.step(do)
        if self.around.running.done() or len(self.ended) == 2:
            reason = await self.around.reason()
        else:
            self.around.running.cancel()
            await asyncio.gather(self.around.running, return_exceptions=True)
            reason = "shutdown"
        gone = {side for side in self.ended if self.around.end(side).sock.fileno() < 0}
        await asyncio.gather(*(watcher.task for side, watcher in self.watchers.items() if side not in gone))
        for side in gone:
            self.watchers[side].task.cancel()
        return {
            "reason": reason,
            "told": [sum(column) for column in list(zip(*self.around.told, strict=True))[:2]],
            **{
                side: (self.payload(side), watcher.ending)
                for side, watcher in self.watchers.items()
                if side not in gone
            },
        }

    def payload(self, side: str) -> bytes:
        """What a peer got, without records."""
        got = bytes(self.watchers[side].got)
        if side == "upstream" or not self.has_records:
            return got
        payload = RecordDecoder().feed(got)[0]
        # The alert after a bad record is another one each time.
        return payload[: self.sent_bytes["upstream"]] + b"?" * (len(payload) - self.sent_bytes["upstream"])

    async def step(self, do: Do) -> None:
        end, other = self.around.end(do.side), "upstream" if do.side == "client" else "client"
        from_telegram = do.side == "client" and self.has_records
        if do.what == "send":
            wire = do.payload
            if from_telegram:
                records = [make_record(APPLICATION_DATA, piece) for piece in pieces(do.payload, 16_384)]
                wire, self.nothing = b"".join([self.nothing, *records]), b""
            for piece in pieces(wire, do.piece_bytes):
                await end.send(piece)
            self.sent_bytes[do.side] += len(do.payload)
            await eventually(lambda: len(self.payload(other)) >= self.sent_bytes[do.side])
        elif do.what == "reset" or (do.what == "bad record" and from_telegram):
            self.ended.add(do.side)
            if do.what == "reset":
                self.watchers[do.side].task.cancel()
                end.reset()
            else:
                await end.send(b"\x16\x03\x03\x00\x01x")
            await self.around.running
        elif do.what == "fin":
            self.ended.add(do.side)
            end.send_eof()
            await eventually(lambda: self.watchers[other].ending != "open")
        elif do.what == "nothing" and from_telegram:
            self.nothing += make_record(APPLICATION_DATA, b"")


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


async def play(relay: str, mode: str, script: list[Do]) -> dict[str, Any]:
    ciphers = {
        "raw": None,
        "fast": TelegramCiphers(STATES[0], STATES[1], None, None),
        "re-encrypted": TelegramCiphers(*STATES),
    }[mode]
    async with asyncio.timeout(15), relayed(relay, ciphers=ciphers) as around:
        return await Play(around, mode).run(script)


def recrypted(data: bytes, first: int, second: int) -> bytes:
    states = STATES[first], STATES[second]
    for state in states:
        data = crypt(state.key, state.iv, data)
    return data


@pytest.mark.parametrize("mode", ["raw", "fast", "re-encrypted"])
@settings(max_examples=settings().max_examples // 4)
@given(script=SCRIPTS)
def test_both_relays_do_the_same(mode: str, script: list[Do]) -> None:
    native, pure = (asyncio.run(play(relay, mode, script)) for relay in ("native", "pure"))

    assert native == pure
    said = b"".join(do.payload for do in script if do.side == "client")
    if "upstream" in pure:
        got = pure["upstream"][0]
        wanted = said if mode == "raw" else recrypted(said, 0, 1)
        assert wanted.startswith(got)
