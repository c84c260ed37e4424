"""Waits for sockets, at a lower cost than the event loop's own `add_reader`.

A handshake waits two or three times on the same socket. `loop.sock_recv` registers and unregisters each time, four
system calls a wait on uvloop; here a socket is registered once, edge-triggered, in an epoll set of our own, and that
set is the one thing that the event loop watches.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from contextlib import suppress

READABLE = select.EPOLLIN | select.EPOLLPRI | select.EPOLLRDHUP
WRITABLE = select.EPOLLOUT
LOST = select.EPOLLERR
ENDED = select.EPOLLRDHUP
URGENT = select.EPOLLPRI
_BROKEN = select.EPOLLERR | select.EPOLLHUP
_MAX_EVENTS = 256


class _Watched:
    """A descriptor: its epoll events, unobserved events, waiting tasks and callbacks."""

    __slots__ = ("calls", "happened", "interest", "waiters")

    def __init__(self, interest: int) -> None:
        self.interest = interest
        self.happened = 0
        self.waiters: dict[int, asyncio.Future[None]] = {}
        self.calls: dict[int, Callable[[], None]] = {}

    def take(self, wanted: int) -> int:
        """Return the events, and forget the wanted ones; an end isn't forgotten, as it is reported only once."""
        happened = self.happened
        self.happened &= ~wanted | ENDED
        return happened


class Readiness:
    """An epoll set that belongs to one event loop. Make it, use it and close it inside that loop.

    Attributes:
        loop: That event loop: asking for the running one costs a system call.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._watched: dict[int, _Watched] = {}
        self.loop.add_reader(self._epoll.fileno(), self._dispatch)

    async def wait(self, fd: int, wanted: int, deadline_mono: float | None = None) -> int:
        """Return when `fd` may be `READABLE` or `WRITABLE`. It may be too early: try, and wait again.

        Call it after the socket has said that it would block, or a read was short; one waiter a direction.

        Returns:
            The events, with `URGENT` if an urgent byte is among what can be read, and `ENDED` from the peer's end on.

        Raises:
            TimeoutError: The loop's clock has come to `deadline_mono`.
        """
        watched = self._watch(fd, wanted)
        if watched.happened & (wanted | _BROKEN):
            return watched.take(wanted)
        waiter = watched.waiters[wanted] = self.loop.create_future()
        timer = None if deadline_mono is None else self.loop.call_at(deadline_mono, _expire, waiter)
        try:
            await waiter
        finally:
            del watched.waiters[wanted]
            if timer is not None:
                timer.cancel()
        return watched.take(wanted)

    def call(self, fd: int, event: int, callback: Callable[[], None]) -> None:
        """Have `callback` called at `LOST` or `ENDED`, whether anybody waits for the descriptor or not.

        It may be called more than once.
        """
        watched = self._watched.get(fd)
        if watched is None or event != LOST:  # which epoll reports for every descriptor
            watched = self._watch(fd, event)
        watched.calls[event] = callback

    def forget(self, fd: int) -> None:
        """Stop watching a descriptor; do so before it is closed or given away."""
        if self._watched.pop(fd, None) is not None:
            with suppress(OSError):  # it is already closed, which has the same effect
                self._epoll.unregister(fd)

    def close(self) -> None:
        """Close the epoll set, and let the event loop forget it."""
        if not self._epoll.closed:
            self.loop.remove_reader(self._epoll.fileno())
            self._epoll.close()

    def _watch(self, fd: int, wanted: int) -> _Watched:
        watched = self._watched.get(fd)
        if watched is None:
            self._epoll.register(fd, wanted | select.EPOLLET)
            watched = self._watched[fd] = _Watched(wanted)
        elif wanted & ~watched.interest:
            watched.interest |= wanted
            self._epoll.modify(fd, watched.interest | select.EPOLLET)
        return watched

    def _call(self, callback: Callable[[], None]) -> None:
        """Call a callback. One that raises must not keep others from their events, which come only once."""
        try:
            callback()
        except Exception as error:
            self.loop.call_exception_handler({"message": "a callback of a socket failed", "exception": error})

    def _dispatch(self) -> None:
        for fd, events in self._epoll.poll(0, _MAX_EVENTS):
            watched = self._watched.get(fd)
            if watched is None:
                continue
            watched.happened |= events
            for event, callback in list(watched.calls.items()):
                if events & event:
                    self._call(callback)
            for wanted, waiter in watched.waiters.items():
                if events & (wanted | _BROKEN) and not waiter.done():
                    waiter.set_result(None)


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
