"""A prober sees every kind of end, and in which order; and a bench in which proxy and site differ says so."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tools.probes.connection import Connection
from tools.probes.finding import SITE
from tools.probes.probe import Probe, Surroundings, sending
from tools.probes.recordings import Recorder
from tools.probes.runner import Runner

from support.front import FrontConnection, RecordingFront, Script
from support.secrets import PeerSecret

_LONG_SECONDS = 20.0


async def fin(connection: FrontConnection) -> None:
    await connection.got(1)
    await connection.send(b"answer")
    connection.send_eof()
    await connection.ended()


async def close_with_a_byte_unread(connection: FrontConnection) -> None:
    """The kernel resets whoever closes without having read all."""
    await asyncio.get_running_loop().sock_sendall(connection.sock, b"answer")
    await connection.got(2)
    connection.reset()


async def fin_then_reset(connection: FrontConnection) -> None:
    await connection.got(1)
    await connection.send(b"answer")
    connection.send_eof()
    await connection.got(2)
    connection.reset()


async def endings(script: Script, *, then: Callable[[Connection], Awaitable[object]]) -> tuple[bytes, list[str]]:
    """What a prober gets that sends a byte, does that, and waits for everything that may come."""
    async with RecordingFront(script) as site:
        connection = await Connection.open(site.port)
        await connection.send(b"x")
        await then(connection)
        connection.close()
    return bytes(connection.data), [what for what, _ in connection.endings]


async def test_a_fin_is_a_fin() -> None:
    assert await endings(fin, then=lambda connection: connection.ended(_LONG_SECONDS)) == (b"answer", ["fin"])


async def test_a_fin_after_ours_is_no_reset() -> None:
    async def end(connection: Connection) -> None:
        connection.end()
        assert await connection.ended(_LONG_SECONDS)
        assert not await connection.ended(0.05, by_reset=True)

    assert await endings(fin, then=end) == (b"answer", ["fin"])


async def test_a_reset_comes_after_the_bytes_before_it() -> None:
    async def send_more(connection: Connection) -> None:
        await connection.send(b"y")
        assert await connection.ended(_LONG_SECONDS)

    assert await endings(close_with_a_byte_unread, then=send_more) == (b"answer", ["reset"])


async def test_a_reset_behind_a_fin_is_seen() -> None:
    async def send_more(connection: Connection) -> None:
        assert await connection.ended(_LONG_SECONDS)
        await connection.send(b"y")
        assert await connection.ended(_LONG_SECONDS, by_reset=True)

    assert await endings(fin_then_reset, then=send_more) == (b"answer", ["fin", "reset"])


async def test_a_reset_behind_a_fin_is_seen_if_a_write_has_taken_its_error() -> None:
    async def close(connection: FrontConnection) -> None:
        await connection.got(1)
        await connection.send(b"answer")
        connection.close()

    async def send_more(connection: Connection) -> None:
        assert await connection.ended(_LONG_SECONDS)
        connection.sock.send(b"y")
        assert connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.EPIPE
        for _ in range(3):  # in which the hang-up is seen, and nothing that explains it
            await asyncio.sleep(0)
        await connection.send(b"z")
        assert await connection.ended(_LONG_SECONDS, by_reset=True)

    assert await endings(close, then=send_more) == (b"answer", ["fin", "reset"])


async def test_a_reset_that_a_write_meets_first_is_one() -> None:
    async def stop_and_send(connection: Connection) -> None:
        asyncio.get_running_loop().remove_reader(connection.sock)
        await connection.send(b"y")
        while connection._send_error is None:
            await connection.send(b"z")
            await asyncio.sleep(0)
        connection.read()
        assert await connection.ended(_LONG_SECONDS)

    data, seen = await endings(close_with_a_byte_unread, then=stop_and_send)
    assert (data, seen) == (b"answer", ["reset"])


async def test_a_reset_is_seen_without_reading() -> None:
    async def only_watch(connection: Connection) -> None:
        connection.stop_reading()
        await connection.send(b"y")
        assert await connection.ended(_LONG_SECONDS)

    assert (await endings(close_with_a_byte_unread, then=only_watch))[1] == ["reset"]


async def findings_of(site: Script, proxy: Script) -> tuple[list[str], str | None]:
    """What the bench finds when two servers are probed as site and proxy."""
    async with RecordingFront(site) as one, RecordingFront(proxy) as other:
        shared = Surroundings(Recorder(PeerSecret.random(), []), PeerSecret.random(), Path())
        runner = Runner(shared, {SITE: one.port, "proxy": other.port}, tries=6, slack_seconds=0.02)
        await runner.measure_dial()
        finding = (await runner.run([Probe(name="any", kind="any", script=sending(b"xy"), watch_seconds=1.5)]))[0]
    return finding.differences, finding.lateness


async def reset_at_once(connection: FrontConnection) -> None:
    await connection.got(1)
    await connection.send(b"answer")
    connection.reset()


async def answer_otherwise(connection: FrontConnection) -> None:
    await connection.got(1)
    await connection.send(b"Answer")
    connection.send_eof()
    await connection.ended()


async def never_end(connection: FrontConnection) -> None:
    await connection.got(1)
    await connection.send(b"answer")
    await connection.ended()


async def fin_late(connection: FrontConnection) -> None:
    await asyncio.sleep(0.4)
    await fin(connection)


async def test_servers_that_do_the_same_are_found_alike() -> None:
    assert (await findings_of(fin, fin))[0] == []


@pytest.mark.parametrize("proxy", [reset_at_once, answer_otherwise, never_end])
async def test_servers_that_differ_are_found_to(proxy: Script) -> None:
    assert (await findings_of(fin, proxy))[0] == ["12 of 12 differ"]


async def test_a_late_server_is_found_late() -> None:
    differences, lateness = await findings_of(fin, fin_late)

    assert differences == []
    assert lateness is not None
