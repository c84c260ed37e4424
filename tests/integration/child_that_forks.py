"""Relays, forks, tries the same engine in the forked process, and relays again: prints what happens."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import warnings

import mtglib
from mtglib.relay.choice import ChosenRelay
from mtglib.relay.job import Job


async def relay_once(engine: ChosenRelay) -> str:
    """Send a word through a relay; return what arrives."""
    (client, ours), (upstream, theirs) = _pair(), _pair()
    relaying = asyncio.create_task(engine.run(Job(ours, theirs, b"", b"", None, 20.0), lambda _up, _down, _ended: None))
    client.send(b"a word")
    word = await asyncio.get_running_loop().sock_recv(upstream, 100)
    client.close()
    upstream.close()
    await relaying
    return word.decode()


def _pair() -> tuple[socket.socket, socket.socket]:
    ends = socket.socketpair()
    for end in ends:
        end.setblocking(False)
    return ends


def in_the_forked_process(engine: ChosenRelay) -> None:
    """Use the engine that was abandoned by the fork; then a new one."""
    (client, ours), (upstream, theirs) = _pair(), _pair()
    job = Job(ours, theirs, b"", b"", None, 20.0)
    try:
        engine.run(job, lambda _up, _down, _ended: None).send(None)
    except mtglib.EngineError as error:
        print(f"error: {error}", flush=True)
    print(f"closed: {client.recv(1) == b'' == upstream.recv(1)}", flush=True)
    client.close()
    upstream.close()
    if engine.description == "native":
        engine._relay._engine.close()  # type: ignore[union-attr]
    print(f"new engine: {asyncio.run(in_a_new_engine(engine.description))}", flush=True)


async def in_a_new_engine(description: str) -> str:
    engine = ChosenRelay("native" if description == "native" else "pure")
    try:
        return await relay_once(engine)
    finally:
        await engine.close()


async def main(choice: str) -> None:
    """Fork between two relays."""
    engine = ChosenRelay(choice)
    print(f"before: {await relay_once(engine)}", flush=True)
    warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)  # Python 3.12 tells what this is about
    if (pid := os.fork()) == 0:
        try:
            in_the_forked_process(engine)
        finally:
            os._exit(0)
    print(f"exit status: {os.waitpid(pid, 0)[1]}", flush=True)
    print(f"after: {await relay_once(engine)}", flush=True)
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
