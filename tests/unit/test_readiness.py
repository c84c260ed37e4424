"""Waiting for sockets with an epoll set of our own."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator

import pytest

from integration.stage import open_fds, tcp_pair
from mtglib.readiness import ENDED, LOST, READABLE, URGENT, WRITABLE, Readiness
from support import sockets
from support.eventually import eventually

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two connected non-blocking sockets."""
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        other.setblocking(False)
        yield one, other


def waiting(readiness: Readiness, sock: socket.socket, wanted: int) -> asyncio.Task[int]:
    return asyncio.create_task(readiness.wait(sock.fileno(), wanted))


def fill(sock: socket.socket) -> int:
    """Send until the kernel takes no more."""
    sent = 0
    try:
        while True:
            sent += sock.send(bytes(65536))
    except BlockingIOError:
        return sent


async def test_wait_returns_when_data_comes(readiness: Readiness, pair: Pair) -> None:
    waiter = waiting(readiness, pair[0], READABLE)
    await asyncio.sleep(0)
    assert not waiter.done()

    pair[1].send(b"x")

    await waiter
    assert pair[0].recv(2) == b"x"


async def test_data_that_came_before_the_wait_is_not_missed(readiness: Readiness, pair: Pair) -> None:
    for _ in range(3):
        waiter = waiting(readiness, pair[0], READABLE)
        pair[1].send(b"x")
        await waiter
        pair[0].recv(1)
        pair[1].send(b"y")
        await readiness.wait(pair[0].fileno(), READABLE)
        assert pair[0].recv(2) == b"y"


@pytest.mark.parametrize("action", ["close", "shutdown"])
async def test_the_peers_end_wakes_a_reader(readiness: Readiness, pair: Pair, action: str) -> None:
    waiter = waiting(readiness, pair[0], READABLE)
    await asyncio.sleep(0)

    if action == "close":
        pair[1].close()
    else:
        pair[1].shutdown(socket.SHUT_WR)

    await waiter
    assert pair[0].recv(1) == b""


async def test_both_directions_of_one_socket_are_waited_for_apart(readiness: Readiness, pair: Pair) -> None:
    sent = fill(pair[0])
    reader, writer = waiting(readiness, pair[0], READABLE), waiting(readiness, pair[0], WRITABLE)
    pair[1].send(b"x")
    await reader
    assert not writer.done()

    while sent > 0:
        sent -= len(pair[1].recv(1 << 20))
    await writer
    assert pair[0].send(b"y") == 1


async def test_a_broken_connection_wakes_both_directions(readiness: Readiness, pair: Pair) -> None:
    fill(pair[0])
    tasks = [waiting(readiness, pair[0], READABLE), waiting(readiness, pair[0], WRITABLE)]
    await asyncio.sleep(0)

    pair[1].close()

    await asyncio.gather(*tasks)


async def test_the_deadline_is_kept(readiness: Readiness, pair: Pair) -> None:
    now_mono = asyncio.get_running_loop().time()

    with pytest.raises(TimeoutError):
        await readiness.wait(pair[0].fileno(), READABLE, now_mono + 0.001)
    with pytest.raises(TimeoutError):
        await readiness.wait(pair[0].fileno(), READABLE, now_mono - 1)

    pair[1].send(b"x")
    await readiness.wait(pair[0].fileno(), READABLE, now_mono + 60)


async def test_a_wait_can_be_cancelled_and_begun_again(readiness: Readiness, pair: Pair) -> None:
    waiter = waiting(readiness, pair[0], READABLE)
    await asyncio.sleep(0)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter

    pair[1].send(b"x")
    await readiness.wait(pair[0].fileno(), READABLE)


async def test_a_forgotten_descriptor_may_be_watched_by_others(readiness: Readiness, pair: Pair) -> None:
    loop = asyncio.get_running_loop()
    waiter = waiting(readiness, pair[0], READABLE)
    pair[1].send(b"x")
    await waiter
    readiness.forget(pair[0].fileno())
    readiness.forget(pair[0].fileno())

    assert await loop.sock_recv(pair[0], 1) == b"x"
    pair[1].send(b"y")
    await readiness.wait(pair[0].fileno(), READABLE)


async def test_a_descriptor_number_that_comes_back_is_a_new_one(readiness: Readiness) -> None:
    for _ in range(3):
        one, other = socket.socketpair()
        with one, other:
            waiter = waiting(readiness, one, READABLE)
            await asyncio.sleep(0)
            assert not waiter.done(), "this readiness is the last socket's"
            other.send(b"x")
            await waiter
            readiness.forget(one.fileno())


async def test_many_sockets_in_one_turn(readiness: Readiness) -> None:
    pairs = [socket.socketpair() for _ in range(300)]
    waiters = [waiting(readiness, one, READABLE) for one, _ in pairs]
    await asyncio.sleep(0)
    for _, other in pairs:
        other.send(b"x")

    await asyncio.gather(*waiters)

    for one, other in pairs:
        readiness.forget(one.fileno())
        one.close()
        other.close()


async def test_close_gives_the_descriptor_back_and_may_be_repeated(pair: Pair) -> None:
    before = open_fds()
    readiness = Readiness()
    assert len(open_fds()) == len(before) + 1

    readiness.close()
    readiness.close()

    assert open_fds() == before


async def test_losses_and_ends_are_called_once_though_nobody_waits(readiness: Readiness) -> None:
    calls: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one, (other, _) = socket.create_connection(listener.getsockname()), listener.accept()
    with one:
        readiness.call(one.fileno(), ENDED, lambda: calls.append("ended"))
        readiness.call(one.fileno(), LOST, lambda: calls.append("lost"))
        other.shutdown(socket.SHUT_WR)
        await eventually(lambda: calls)
        await asyncio.sleep(0.01)
        assert calls == ["ended"]

        other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        other.close()
        await eventually(lambda: "lost" in calls)
        told = len(calls)
        await asyncio.sleep(0.01)
        assert len(calls) == told
        readiness.forget(one.fileno())


async def test_a_callback_that_raises_keeps_no_other_from_its_event(readiness: Readiness) -> None:
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(str(context["message"])))
    pairs = [await tcp_pair() for _ in range(2)]
    (broken, peer), (other, sender) = pairs

    def fail() -> None:
        raise ZeroDivisionError

    waiting = asyncio.create_task(readiness.wait(other.fileno(), READABLE))
    readiness.call(broken.fileno(), LOST, fail)
    await asyncio.sleep(0)
    sockets.reset(peer)
    sender.send(b"x")
    async with asyncio.timeout(10):
        await waiting

    assert told
    for sock in (broken, other, sender):
        readiness.forget(sock.fileno())
        sock.close()


async def test_an_urgent_byte_wakes_a_reader(readiness: Readiness) -> None:
    one, other = await tcp_pair()
    waiter = waiting(readiness, one, READABLE)
    await asyncio.sleep(0)
    other.send(b"!", socket.MSG_OOB)

    assert await waiter & URGENT
    assert one.recv(1, socket.MSG_OOB) == b"!"
    other.send(b"x")
    assert not await readiness.wait(one.fileno(), READABLE) & URGENT
    readiness.forget(one.fileno())
    sockets.close(one)
    sockets.close(other)


async def test_an_end_is_told_again_and_again(readiness: Readiness, pair: Pair) -> None:
    waiter = waiting(readiness, pair[0], READABLE)
    await asyncio.sleep(0)
    pair[1].send(b"x")
    pair[1].shutdown(socket.SHUT_WR)

    assert await waiter & ENDED
    assert await readiness.wait(pair[0].fileno(), READABLE) & ENDED
