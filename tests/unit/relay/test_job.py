"""What crosses to the relays."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

from mtglib.reasons import RELAY_ENDS
from mtglib.relay.job import Job, TelegramCiphers
from mtglib.wire.aes_ctr import CipherState

ENGINE = Path(__file__).parents[3] / "rust" / "src"


def test_the_engine_uses_the_same_names() -> None:
    named = re.findall(r'Self::\w+ => "(\w+)"', (ENGINE / "job.rs").read_text())

    assert set(named) == set(RELAY_ENDS)


def test_no_key_and_no_payload_shows_itself() -> None:
    states = [CipherState(os.urandom(32), os.urandom(16)) for _ in range(4)]
    client, upstream = socket.socketpair()
    with client, upstream:
        job = Job(
            client,
            upstream,
            b"what the client sent",
            b"our frame",
            TelegramCiphers(*states),
            1.0,
        )
        shown = repr(job) + repr(job.ciphers)

    for secret in (
        *(state.key for state in states),
        *(state.iv for state in states),
        b"client sent",
        b"our frame",
    ):
        assert repr(secret)[2:-1] not in shown
        assert secret.hex() not in shown
