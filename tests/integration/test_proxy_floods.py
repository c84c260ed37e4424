"""Clients that know the secret and send without end what means nothing: the others mustn't notice."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest

from integration.stage import stage
from support import sockets

EMPTY_RECORDS = b"\x17\x03\x03\x00\x00" * 4096
CHANGE_CIPHER_SPECS = b"\x14\x03\x03\x00\x01\x01" * 4096


async def flood(sock: socket.socket, wire: bytes) -> None:
    with suppress(OSError):
        while True:
            await sockets.send_all(sock, wire)


@pytest.mark.parametrize("wire", [EMPTY_RECORDS, CHANGE_CIPHER_SPECS], ids=["empty", "change cipher spec"])
async def test_records_without_a_frame_end_soon(relay: str, wire: bytes) -> None:
    async with stage(relay) as around:
        flooding = await around.client_before_hello()
        await flooding.send_hello()
        await flooding.receive_answer()
        task = asyncio.create_task(flood(flooding.sock, wire))

        await around.finished()

        await task
        assert around.dc.connections == []


async def test_records_without_payload_leave_room_for_others(relay: str) -> None:
    """A relay that is kept busy with nothing still idles out, and meanwhile others are served."""
    async with stage(relay, idle_timeout=0.5) as around:
        flooding = await around.client()
        task = asyncio.create_task(flood(flooding.sock, EMPTY_RECORDS))
        other = await around.client()
        await other.send(b"in")
        assert await other.recv_exactly(2) == b"in"

        assert await around.reason() == "idle"

        await task
