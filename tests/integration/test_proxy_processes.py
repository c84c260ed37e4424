"""What takes a process of its own to be seen: too few descriptors, and a fork."""

from __future__ import annotations

import asyncio

from integration.child import Child
from support import sockets
from support.fake_dc import FakeDC, echo
from support.faketls_client import FakeTLSClient
from support.secrets import PeerSecret


async def test_accepting_goes_on_when_there_are_descriptors_again(relay: str) -> None:
    secret = PeerSecret.random()
    async with (
        FakeDC(echo) as dc,
        Child("integration.child_of_few_files", relay, secret.key.hex(), dc.port, 20) as child,
    ):
        port = int(await child.line())
        crowd = [await sockets.connect("127.0.0.1", port) for _ in range(100)]
        assert await child.line() == "out of resources for new connections; retrying"
        before_seconds = child.cpu_seconds()
        await asyncio.sleep(0.5)
        assert child.cpu_seconds() - before_seconds < 0.1  # it waits, and doesn't try all the time
        for sock in crowd:
            sockets.close(sock)

        async with await FakeTLSClient.connect("127.0.0.1", port, secret) as client:
            await client.send(b"in")
            assert await client.recv_exactly(2) == b"in"

        assert await child.rest() == []  # neither a second warning nor anything else


async def test_every_connection_of_a_crowd_is_served_in_turn(relay: str) -> None:
    """Those that wait while there are no descriptors get their turn when others leave."""
    secret = PeerSecret.random()
    async with (
        FakeDC(echo) as dc,
        Child("integration.child_of_few_files", relay, secret.key.hex(), dc.port, 20) as child,
    ):
        port = int(await child.line())
        crowd = [await sockets.connect("127.0.0.1", port) for _ in range(60)]
        assert await child.line() == "out of resources for new connections; retrying"
        for sock in crowd:
            sockets.send_eof(sock)

        async with asyncio.timeout(30):
            endings = await asyncio.gather(*(sockets.recv_until_end(sock) for sock in crowd))
        assert set(endings) == {sockets.Received(b"", "eof")}
        for sock in crowd:
            sockets.close(sock)
        assert await child.rest() == []


async def test_engine_after_a_fork_is_a_clear_error_and_goes_on_before_it(relay: str) -> None:
    async with Child("integration.child_that_forks", relay) as child:
        assert await child.rest() == [
            "before: a word",
            "error: this proxy was used before a fork; create a new Proxy in the child",
            "closed: True",
            "new engine: a word",
            "exit status: 0",
            "after: a word",
        ]
