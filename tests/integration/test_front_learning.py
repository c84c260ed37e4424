"""Learning how the site answers: whatever the site, the disk or a client does, clients get through."""

from __future__ import annotations

import itertools
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import mtglib
from integration.stage import HOST, Stage, stage
from mtglib.front import site_store
from mtglib.ground.files import open_regular
from support.client_hello import build_client_hello, hello_records, with_key_shares
from support.eventually import eventually
from support.faketls_client import FakeTLSClient
from support.front import FrontConnection, RecordingFront, Script, answer_then_eof
from unit.wire.test_server_flight import CCS, RETRY, VERSION, encrypted, server_hello

ENCRYPTED_BYTES = 777
KEY_SHARE = b"\x00\x33\x00\x24\x00\x1d\x00\x20" + bytes(32)
POST_QUANTUM_SHARE = b"\x00\x33\x04\x64\x11\xec\x04\x60" + bytes(1120)
ANSWER = server_hello(VERSION + KEY_SHARE) + CCS + encrypted(ENCRYPTED_BYTES)
POST_QUANTUM_ANSWER = server_hello(VERSION + POST_QUANTUM_SHARE) + CCS + encrypted(ENCRYPTED_BYTES)
LEARNING = mtglib.FrontLearning()


async def check_gets_through(around: Stage, **options: Any) -> FakeTLSClient:
    client = await around.client(**options)
    await client.send(b"in")
    assert await client.recv_exactly(2) == b"in"
    return client


async def learnt(around: Stage) -> None:
    """Let a client come, and wait until its answer is learnt."""
    await check_gets_through(around)
    await eventually(lambda: bool(around.proxy.front_answers))


async def send_without_end(connection: FrontConnection) -> None:
    await connection.got(1)
    await connection.send(ANSWER)
    while True:
        await connection.send(encrypted(16_000))


async def answers_differ(counter: itertools.count[int], connection: FrontConnection) -> None:
    await connection.got(1)
    await connection.send(server_hello() + CCS + encrypted(100 * next(counter)))
    connection.send_eof()


BAD_SITES: dict[str, tuple[Script, str]] = {
    "HelloRetryRequest": (answer_then_eof(server_hello(random=RETRY) + CCS), "HelloRetryRequest"),
    "TLS 1.2": (answer_then_eof(server_hello(b"\xff\x01\x00\x01\x00") + encrypted(9)), "older version than TLS 1.3"),
    "an alert": (answer_then_eof(b"\x15\x03\x03\x00\x02\x02\x28"), "an alert"),
    "an endless flight": (send_without_end, "more than 65536 bytes"),
    "garbage": (answer_then_eof(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "less than it announced"),
    "nothing": (answer_then_eof(b""), "nothing"),
}


@pytest.mark.parametrize(("script", "why"), BAD_SITES.values(), ids=BAD_SITES)
async def test_a_site_that_cannot_be_learnt_costs_a_warning_and_no_client(script: Script, why: str) -> None:
    async with stage("auto", script=script, front_learning=LEARNING, warnings=True) as around:
        await check_gets_through(around)
        await eventually(lambda: len(around.log.warnings) > 0)
        for _ in range(3):
            await check_gets_through(around)

        assert around.proxy.front_answers == ()
        (warning,) = around.log.warnings
        assert f"how {HOST} answers clients can't be learnt: " in str(warning)
        assert why in str(warning)
        assert len(around.front.connections) == 1


async def test_a_site_that_answers_differently_each_time_is_answered_like() -> None:
    script = partial(answers_differ, itertools.count(5))
    async with stage("auto", script=script, front_learning=LEARNING) as around:
        await learnt(around)
        client = await around.client_before_hello()
        await client.send_hello()
        assert (await client.receive_answer()).certificate_bytes == 500


MALFORMED: dict[str, dict[int, bytes] | None] = {
    "coefficients that aren't reduced": {0x11EC: b"\xff" * 1184 + bytes(32), 0x001D: bytes(range(32))},
    "a wrong length": {0x11EC: bytes(1215), 0x001D: bytes(range(31))},
    "a point of low order": {0x11EC: bytes(1216), 0x001D: bytes(32)},
    "no shares": {},
    "no extension": None,
}


@pytest.mark.parametrize("shares", MALFORMED.values(), ids=MALFORMED)
async def test_a_client_with_a_malformed_key_share_gets_through_and_teaches_nothing_wrong(
    shares: dict[int, bytes] | None,
) -> None:
    script = answer_then_eof(POST_QUANTUM_ANSWER)
    async with stage("auto", script=script, front_learning=LEARNING) as around:
        await check_gets_through(around, alter_hello=partial(with_key_shares, shares=shares))
        await learnt(around)
        await check_gets_through(around, alter_hello=partial(with_key_shares, shares=shares))
        client = await around.client_before_hello()
        await client.send_hello()

        answer = await client.receive_answer()
        assert (answer.group, answer.certificate_bytes) == (0x11EC, ENCRYPTED_BYTES)


async def test_what_was_learnt_is_answered_from_the_first_client_on_after_a_restart(tmp_path: Path, relay: str) -> None:
    learning = mtglib.FrontLearning(directory=tmp_path / "answers")
    secret = mtglib.Secret.generate(HOST)
    async with stage(relay, script=answer_then_eof(ANSWER), front_learning=learning, secret=secret) as around:
        await learnt(around)
        assert [one._replace(learnt_unix=0) for one in around.proxy.front_answers] == [
            (HOST, 0, len(ANSWER) - len(CCS))
        ]

    async with stage(relay, front_learning=learning, secret=secret) as around:
        client = await around.client_before_hello()
        await client.send_hello()
        answer = await client.receive_answer()

        assert answer.certificate_bytes == ENCRYPTED_BYTES
        assert around.front.connections == [], "it isn't asked again"


async def test_a_damaged_copy_is_told_of_and_learnt_anew(tmp_path: Path) -> None:
    learning = mtglib.FrontLearning(directory=tmp_path)
    script = answer_then_eof(ANSWER)
    async with stage("auto", script=script, front_learning=learning) as around:
        await learnt(around)
    (copy,) = tmp_path.iterdir()
    copy.write_bytes(copy.read_bytes()[20:])

    async with stage("auto", script=script, front_learning=learning, warnings=True) as around:
        await learnt(around)
    (warning,) = around.log.warnings
    assert "is damaged, and not used" in str(warning)
    assert copy.read_bytes().startswith(b'{"host":"front.example"}\n')


async def test_nobody_but_a_client_makes_the_proxy_ask() -> None:
    async with stage("auto", script=answer_then_eof(ANSWER), front_learning=LEARNING) as around:
        assert around.front.connections == [], "before the first one comes"
        hello = hello_records(build_client_hello(HOST))
        await around.probe(hello, then_eof=True)

        assert [bytes(each.received) for each in around.front.connections] == [hello]
        assert around.proxy.front_answers == ()
        await learnt(around)
        assert len(around.front.connections) == 2


async def test_a_site_that_wants_proxy_headers_gets_one_with_a_question() -> None:
    site = RecordingFront(answer_then_eof(ANSWER), proxy_protocol=True)
    async with stage("auto", site=site, front_learning=LEARNING, domain_fronting_proxy_protocol=True) as around:
        await learnt(around)

        assert len(around.front.connections[0].proxy_header) == 28
        assert around.front.connections[0].received.startswith(b"\x16\x03\x01")


async def test_clients_wait_for_what_was_kept_and_visitors_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learning = mtglib.FrontLearning(directory=tmp_path)
    async with stage("auto", script=answer_then_eof(ANSWER), front_learning=learning) as around:
        await learnt(around)
    disk = threading.Event()

    def open_when_the_disk_answers(path: Path) -> Any:
        assert disk.wait(10)
        return open_regular(path)

    monkeypatch.setattr(site_store, "open_regular", open_when_the_disk_answers)
    async with stage("auto", script=answer_then_eof(b"the site"), front_learning=learning) as around:
        client = await around.client_before_hello()
        await client.send_hello()
        visitor = await around.probe(b"not TLS", then_eof=True)
        disk.set()

        assert visitor.data == b"the site"
        assert (await client.receive_answer()).certificate_bytes == ENCRYPTED_BYTES
