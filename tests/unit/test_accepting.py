"""Accepting, through everything that can go wrong with it."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from integration.recording_logger import RecordingLogger
from mtglib.accepting import Acceptor
from mtglib.ground.guarded_logger import Warnings
from support.timeless import TimelessLoop, timeless
from unit.recorders import said

OF_ONE_CONNECTION = [errno.ECONNABORTED, errno.EINTR, errno.EPROTO, errno.ENETUNREACH, errno.ETIMEDOUT]
OUT_OF_RESOURCES = [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM]


class Listener(socket.socket):
    """A listening socket whose `accept` fails with `failures` first, as do its duplicates'."""

    failures: list[int]
    tries: list[int | None]

    @property
    def accepts(self) -> int:
        """How often it was tried."""
        return len(self.tries)

    def accept(self) -> tuple[socket.socket, Any]:
        """Fail as told, then accept."""
        self.tries.append(failure := self.failures.pop(0) if self.failures else None)
        if failure is not None:
            raise OSError(failure, "as told")
        return super().accept()

    def dup(self) -> Listener:
        """Share what is told and counted."""
        duplicate = super().dup()
        assert isinstance(duplicate, Listener)
        duplicate.failures, duplicate.tries = self.failures, self.tries
        return duplicate


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A listener on 127.0.0.1."""
    with Listener() as listener:
        listener.failures, listener.tries = [], []
        listener.bind(("127.0.0.1", 0))
        listener.listen(200)
        yield listener


class Running:
    """An acceptor at work; `take` collects, and ends it when so many have come."""

    def __init__(
        self, listener: Listener, warnings: Warnings, count: int = 1, make_room: Callable[[], None] = lambda: None
    ) -> None:
        self.taken: list[tuple[socket.socket, Any]] = []
        self.acceptor = Acceptor(listener, self._take, warnings, batch=64, make_room=make_room)
        self._count = count

    def _take(self, sock: socket.socket, address: Any) -> None:
        self.taken.append((sock, address))
        if len(self.taken) == self._count:
            self.acceptor.stop()

    def close(self) -> None:
        """Close what was taken."""
        for sock, _ in self.taken:
            sock.close()


def connect(listener: Listener) -> socket.socket:
    return socket.create_connection(listener.getsockname())


async def test_connections_are_taken_nonblocking_with_their_peers_address(
    listener: Listener, warnings: Warnings
) -> None:
    running = Running(listener, warnings, count=100)
    clients = [connect(listener) for _ in range(100)]

    await running.acceptor.run()

    assert sorted(address for _, address in running.taken) == sorted(client.getsockname() for client in clients)
    assert all(sock.gettimeout() == 0 for sock, _ in running.taken)
    running.close()
    for client in clients:
        client.close()


@pytest.mark.parametrize("failure", OF_ONE_CONNECTION, ids=errno.errorcode.get)
async def test_an_error_of_one_connection_goes_by_unnoticed(
    listener: Listener, warnings: Warnings, logger: RecordingLogger, failure: int
) -> None:
    listener.failures += [failure] * 3
    running = Running(listener, warnings)

    with connect(listener):
        await running.acceptor.run()

    assert len(running.taken) == 1
    assert logger.messages == []
    running.close()


@pytest.mark.parametrize("failure", OUT_OF_RESOURCES, ids=errno.errorcode.get)
@timeless
async def test_without_resources_it_pauses_says_so_once_and_goes_on(
    listener: Listener, warnings: Warnings, logger: RecordingLogger, failure: int
) -> None:
    listener.failures += [failure] * 3
    running, loop = Running(listener, warnings), asyncio.get_running_loop()
    begun_mono = loop.time()

    with connect(listener):
        await running.acceptor.run()

    assert loop.time() - begun_mono == pytest.approx(0.3), "a tenth of a second a pause"
    assert len(running.taken) == 1
    assert said(logger) == [("warning", "out of resources for new connections; retrying")]
    assert listener.accepts == 4, "one try a pause, no spinning"
    running.close()


@timeless
async def test_without_resources_somebody_is_asked_to_make_room(listener: Listener, warnings: Warnings) -> None:
    listener.failures += [errno.EMFILE] * 2
    asked: list[int] = []
    running: Running = Running(listener, warnings, make_room=lambda: asked.append(listener.accepts))

    with connect(listener):
        await running.acceptor.run()

    assert asked == [1, 2]
    running.close()


@timeless
async def test_it_can_be_stopped_in_a_pause(listener: Listener, warnings: Warnings) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, TimelessLoop)
    listener.failures += [errno.EMFILE] * 1000

    def stop_later() -> None:
        loop.call_later(0.05, running.acceptor.stop)

    running = Running(listener, warnings, make_room=stop_later)
    with connect(listener):
        await running.acceptor.run()
    await asyncio.sleep(1)

    assert running.taken == []
    assert listener.accepts == 1, "no spinning meanwhile"
    assert loop.waits == 2, "for the stop and for the second, not for the end of the pause"


async def test_another_error_is_for_good(listener: Listener, warnings: Warnings) -> None:
    listener.failures.append(errno.EINVAL)
    running = Running(listener, warnings)

    with connect(listener), pytest.raises(OSError, match="as told") as caught:
        await running.acceptor.run()

    assert caught.value.errno == errno.EINVAL


async def test_the_listener_stays_the_callers(listener: Listener, warnings: Warnings) -> None:
    for _ in range(2):
        running = Running(listener, warnings)
        with connect(listener):
            await running.acceptor.run()
        assert listener.fileno() >= 0
        assert running.acceptor.listener.fileno() == -1
        running.close()


async def test_after_stop_nobody_else_is_taken(listener: Listener, warnings: Warnings) -> None:
    running = Running(listener, warnings, count=1)
    with connect(listener), connect(listener):
        await running.acceptor.run()
        running.acceptor.stop()

        assert len(running.taken) == 1
        left, _ = listener.accept()
        left.close()
    running.close()


async def test_cancelling_leaves_no_reader_behind(listener: Listener, warnings: Warnings) -> None:
    acceptor = Running(listener, warnings).acceptor
    fd = acceptor.listener.fileno()
    serving = asyncio.create_task(acceptor.run())
    await asyncio.sleep(0)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving

    assert acceptor.listener.fileno() == -1
    assert not asyncio.get_running_loop().remove_reader(fd)  # uvloop's says nothing


async def test_two_acceptors_of_a_listener_are_not_in_each_others_way(listener: Listener, warnings: Warnings) -> None:
    old, new = Running(listener, warnings), Running(listener, warnings)
    old_run, new_run = (asyncio.create_task(each.acceptor.run()) for each in (old, new))
    await asyncio.sleep(0)
    old.acceptor.stop()
    await old_run

    with connect(listener):
        await new_run

    assert (len(old.taken), len(new.taken)) == (0, 1)
    new.close()


async def test_a_listener_that_is_closed_goes_on_and_its_number_is_free(listener: Listener, warnings: Warnings) -> None:
    running = Running(listener, warnings)
    run = asyncio.create_task(running.acceptor.run())
    await asyncio.sleep(0)
    address, fd = listener.getsockname(), listener.fileno()
    one, other = socket.socketpair()
    listener.close()
    with one, other, socket.socket(fileno=os.dup2(one.fileno(), fd)) as another:
        other.send(b"in")
        another.setblocking(False)
        assert await asyncio.get_running_loop().sock_recv(another, 2) == b"in"
        with socket.create_connection(address):
            await run

    assert len(running.taken) == 1
    running.close()


async def test_without_a_descriptor_left_it_cannot_be_made(
    listener: Listener, warnings: Warnings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dup(_listener: socket.socket) -> socket.socket:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(Listener, "dup", dup)
    with pytest.raises(
        OSError, match=r"no file descriptor left to watch a listener with: Too many open files"
    ) as caught:
        Running(listener, warnings)

    assert caught.value.errno == errno.EMFILE
