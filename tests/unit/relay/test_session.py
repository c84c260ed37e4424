"""One job of the pure relay: what is delivered, what is counted, when it is over and why."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.pair import RawEnd
from integration.pour import Pour
from integration.stage import tcp_pair
from mtglib import Reason
from mtglib.readiness import Readiness
from mtglib.relay.job import RelayResult, TelegramCiphers
from mtglib.wire.aes_ctr import CipherState
from support import sockets
from support.obfuscated2 import Keystream
from support.timeless import TimelessLoop, timeless
from support.tls_records import (
    APPLICATION_DATA,
    RecordReader,
    cut_records,
    looks_like_alert,
    make_record,
)
from unit.relay.one_job import Pair, now, running, unix_pair


@timeless
async def test_bytes_and_both_ends_of_stream_are_carried_over() -> None:
    async with running() as job:
        await sockets.send_all(job.client, b"question")
        sockets.send_eof(job.client)
        assert await sockets.recv_until_end(job.upstream) == sockets.Received(b"question", "eof")
        await sockets.send_all(job.upstream, b"the answer")
        sockets.send_eof(job.upstream)
        assert await sockets.recv_until_end(job.client) == sockets.Received(b"the answer", "eof")

        assert await job.result() == RelayResult(8, 10, Reason.CLIENT_EOF)
        assert job.told[-1][2], "upstream has ended, too"


@timeless
async def test_the_first_end_of_stream_names_the_end() -> None:
    async with running() as job:
        sockets.send_eof(job.upstream)
        assert await sockets.recv_until_end(job.client) == sockets.Received(b"", "eof")
        await sockets.send_all(job.client, b"more")
        sockets.send_eof(job.client)

        assert await job.result() == RelayResult(4, 0, Reason.UPSTREAM_EOF)
        assert await sockets.recv_until_end(job.upstream) == sockets.Received(b"more", "eof")


@timeless
async def test_preamble_then_what_was_read_then_what_is_sent_and_the_preamble_does_not_count() -> None:
    async with running(preamble=b"PROXY ", client_unread=b"read ") as job:
        await sockets.send_all(job.client, b"sent")
        sockets.send_eof(job.client)
        assert (await sockets.recv_until_end(job.upstream)).data == b"PROXY read sent"
        sockets.send_eof(job.upstream)

        assert (await job.result()).from_client_bytes == len(b"read sent")


@timeless
async def test_what_has_come_meanwhile_goes_with_what_was_read_before() -> None:
    """A site that reads until there is nothing, and then closes, ends as it would without us."""
    client, client_leg = await unix_pair()
    upstream, upstream_leg = await unix_pair(socket.SOCK_SEQPACKET)  # which keeps what is sent at once together
    client.send(b"meanwhile")
    pairs = iter([(client, client_leg), (upstream, upstream_leg)])

    async def pair() -> Pair:
        return next(pairs)

    async with running(pair, client_unread=b"before, "):
        assert await asyncio.get_running_loop().sock_recv(upstream, 100) == b"before, meanwhile"


@timeless
async def test_who_asks_is_told_what_is_new_and_else_nothing() -> None:
    async with running() as job:
        job.session.report_traffic()
        assert job.told == []
        await sockets.send_all(job.client, b"12345")
        await sockets.recv_exactly(job.upstream, 5)
        job.session.report_traffic()
        job.session.report_traffic()
        assert job.told == [(5, 0, False)]
        await sockets.send_all(job.upstream, b"123")
        await sockets.recv_exactly(job.client, 3)
        sockets.send_eof(job.upstream)
        await sockets.recv_until_end(job.client)
        job.session.report_traffic()
        assert job.told == [(5, 0, False), (0, 3, True)]


def keys(seed: int) -> tuple[bytes, bytes]:
    return bytes([seed]) * 32, bytes([seed]) * 16


def ciphers(fast: bool) -> TelegramCiphers:
    client_up, dc_up, dc_down, client_down = (CipherState(*keys(seed)) for seed in range(1, 5))
    return TelegramCiphers(client_up, dc_up, None if fast else dc_down, None if fast else client_down)


@given(
    up=st.binary(max_size=300),
    down=st.binary(max_size=300),
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=5).filter(any),
    cut=st.integers(0, 400),
    fast=st.booleans(),
)
def test_records_become_the_dcs_stream_and_its_stream_records(
    up: bytes, down: bytes, sizes: list[int], cut: int, fast: bool
) -> None:
    wire = cut_records(Keystream(*keys(1)).apply(up), sizes)

    async def relay() -> None:
        async with running(ciphers=ciphers(fast), client_unread=wire[:cut], preamble=b"frame") as job:
            await sockets.send_all(job.client, wire[cut:])
            sockets.send_eof(job.client)
            received = (await sockets.recv_until_end(job.upstream)).data
            assert received == b"frame" + Keystream(*keys(2)).apply(up)
            sent = down if fast else Keystream(*keys(3)).apply(down)
            await sockets.send_all(job.upstream, sent)
            sockets.send_eof(job.upstream)
            records = RecordReader().feed((await sockets.recv_until_end(job.client)).data)
            assert {record.kind for record in records} <= {0x17}
            got = b"".join(record.payload for record in records)
            assert got == (down if fast else Keystream(*keys(4)).apply(down))
            assert await job.result() == RelayResult(len(up), len(down), Reason.CLIENT_EOF)

    with asyncio.Runner(loop_factory=TimelessLoop) as runner:
        runner.run(relay())


@timeless
async def test_what_came_before_a_bad_record_is_delivered() -> None:
    wire = cut_records(Keystream(*keys(1)).apply(b"good")) + b"GET / HTTP/1.1"
    async with running(ciphers=ciphers(True), client_unread=wire) as job:
        got = await sockets.recv_until_end(job.upstream)
        assert got == sockets.Received(Keystream(*keys(2)).apply(b"good"), "eof")

        assert await job.result() == RelayResult(4, 0, Reason.BAD_RECORD)
        assert looks_like_alert((await sockets.recv_until_end(job.client)).data)


@timeless
async def test_a_flood_of_empty_records_leaves_others_their_turns() -> None:
    flood = make_record(0x17, b"") * 6400 + cut_records(b"x")
    async with running(ciphers=ciphers(True), client_unread=flood) as job:
        receiving = asyncio.create_task(sockets.recv_exactly(job.upstream, 1))
        turns = 0
        while not receiving.done():
            await asyncio.sleep(0)
            turns += 1

        assert turns >= 200, "32 records a turn at the most"


@pytest.mark.parametrize("has_been_read", [True, False])
async def test_a_turn_unwraps_a_bounded_number_of_records(has_been_read: bool) -> None:
    records = make_record(APPLICATION_DATA, b"x") * 1000
    async with running(ciphers=ciphers(True), client_unread=records if has_been_read else b"") as job:
        if not has_been_read:
            job.client.send(records)
        taken_a_turn = list[int]()
        while sum(taken_a_turn) < 1000:
            await asyncio.sleep(0)
            with suppress(BlockingIOError):
                taken_a_turn.append(len(job.upstream.recv(1000)))

        assert max(taken_a_turn) == 32


@timeless
async def test_a_reset_behind_a_fin_waits_until_all_but_the_fin_is_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unacknowledged_bytes = 2
    monkeypatch.setattr("mtglib.relay.session.unacknowledged_bytes", lambda _: unacknowledged_bytes)
    async with running(tcp_pair) as job:
        sockets.send_eof(job.upstream)
        assert await asyncio.get_running_loop().sock_recv(job.client, 1) == b""
        sockets.reset(job.upstream)
        await asyncio.sleep(1)
        assert not job.task.done()
        unacknowledged_bytes = 1

        await asyncio.sleep(0.1)
        assert job.task.done()
        assert (await job.result()).reason is Reason.UPSTREAM_RESET


@timeless
async def test_with_nothing_left_to_deliver_the_end_is_at_once() -> None:
    async with running(ciphers=ciphers(True), client_unread=b"GET / HTTP/1.1") as job:
        began_mono = now()

        assert await job.result() == RelayResult(0, 0, Reason.BAD_RECORD)
        assert now() == began_mono


@timeless
async def test_a_session_that_is_cancelled_closes_and_tells_everything() -> None:
    async with running() as job:
        await sockets.send_all(job.client, b"12345")
        await sockets.recv_exactly(job.upstream, 5)
        job.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job.task

        assert [leg.fileno() for leg in job.legs] == [-1, -1]
        assert job.told == [(5, 0, False)]
        assert (await sockets.recv_until_end(job.client)).data == b""


async def test_with_something_undelivered_a_cancelled_session_resets() -> None:
    """What a peer has got must not look as if it were the whole."""
    async with running(tcp_pair) as job:
        pour = Pour(RawEnd(job.client))
        await pour.until_blocked()
        job.task.cancel()
        await asyncio.wait([job.task])

        assert (await sockets.recv_until_end(job.upstream)).ending == "reset"
        assert await pour.was_reset()


@timeless
async def test_who_gets_the_same_descriptors_next_is_not_mistaken_for_its_peers() -> None:
    readiness, numbers = Readiness(), []
    for _ in range(2):
        async with running(readiness=readiness) as job:
            numbers.append([leg.fileno() for leg in job.legs])
            for word in (b"one", b"two"):
                await sockets.send_all(job.client, word)
                assert await sockets.recv_exactly(job.upstream, 3) == word
                await asyncio.sleep(1)
            sockets.close(job.client)
            sockets.close(job.upstream)
            assert (await job.result()).reason is Reason.CLIENT_EOF
            assert job.session.tick is None, "nor does a timer ring"
            job.session.look()  # as one that rings in this very turn
            assert job.session.tick is None
    readiness.close()
    assert numbers[0] == numbers[1]
