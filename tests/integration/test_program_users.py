"""The program with several users: who gets in, and that a quota holds over a restart and a kill."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

import mtglib
from support.fake_dc import FakeDC
from support.faketls_client import FakeTLSClient
from support.front import RecordingFront, answer_then_eof
from support.program import Program, write
from support.server_answer import AnswerError

ANN, BOB, CID = (mtglib.Secret(os.urandom(16), "front.example") for _ in range(3))


async def get_in(port: int, secret: mtglib.Secret) -> None:
    async with await FakeTLSClient.connect("127.0.0.1", port, secret) as client:
        await client.send(b"in")
        assert await client.recv_exactly(2) == b"in"


@pytest.mark.parametrize("by_panel", [True, False])
async def test_users_get_in_and_a_quota_holds_after_a_restart(tmp_path: Path, by_panel: bool) -> None:
    users = (
        f'[secrets]\nann = "{ANN.hex()}"\nbob = "{BOB.hex()}"\n'
        if by_panel
        else f'[users.ann]\nsecret = "{ANN.hex()}"\n[users.bob]\nsecret-file = "bob"\n'
    )
    (tmp_path / "bob").write_text(BOB.hex())
    (tmp_path / "users.toml").write_text(f'[users.cid]\nsecret = "{CID.hex()}"\n')
    quota = '[users.bob]\nquota = "1b"\n' if by_panel else 'quota = "1b"\n'
    async with FakeDC() as dc, RecordingFront(answer_then_eof(b"site", after_bytes=100)) as front:
        config = write(
            tmp_path,
            f'bind-to = "127.0.0.1:0"\nusers-file = "users.toml"\nstate-directory = "{tmp_path}/state"\n'
            f'[domain-fronting]\nip = "127.0.0.1"\nport = {front.port}\n'
            f'[dc-overrides]\n2 = ["127.0.0.1:{dc.port}"]\n{users}{quota}',
        )
        with Program("run", config) as program:
            port = await asyncio.to_thread(program.started)
            for secret in (ANN, BOB, CID):
                await get_in(port, secret)
            program.send(signal.SIGTERM)
            assert (await asyncio.to_thread(program.wait))[0] == 0
        with Program("run", config) as program:
            port = await asyncio.to_thread(program.started)
            await get_in(port, ANN)
            with pytest.raises((AnswerError, EOFError)):
                await get_in(port, BOB)
