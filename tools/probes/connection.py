"""A prober's end of a TCP connection, which notes everything that comes, with its time.

It tells a FIN from a RST, even if one follows the other: reading doesn't show a RST after a FIN, but the kernel reports
a hang-up of the socket (tcp(7), epoll_ctl(2): EPOLLHUP).
"""

from __future__ import annotations

import asyncio
import errno
import select
import socket
import time
from contextlib import suppress
from typing import NamedTuple

from support import sockets
from tools.probes.wire import Wire

_TCP_CLOSE = 7  # the kernel's TCP_CLOSE, the first byte of struct tcp_info


class Arrival(NamedTuple):
    """When bytes came: how many there were then in all, and the monotonic clock's seconds."""

    total_bytes: int
    at_mono: float


class Connection:
    """One connection; ``data`` is everything that came, ``arrivals`` when, ``endings`` how the peer ended it.

    Times are seconds since just before it connected, so that the peer's own clock began later on a busy machine, too.
    """

    def __init__(self, sock: socket.socket, start_mono: float) -> None:
        self.sock = sock
        self.data = bytearray()
        self.arrivals: list[Arrival] = []
        self.endings: list[tuple[str, float]] = []  # "fin" and "reset"
        self.first_byte_seconds: float | None = None
        self._start_mono = start_mono
        self._has_changed = asyncio.Event()
        self._send_error: int | None = None
        self._max_bytes, self._each_seconds = sockets.RECV_BYTES, 0.0
        self._hang_up = select.epoll()
        self._hang_up.register(sock, 0)  # errors and hang-ups are always reported

    @classmethod
    async def open(
        cls,
        port: int,
        *,
        wire: Wire | None = None,
        receive_buffer_bytes: int | None = None,
        reading: bool = True,
    ) -> Connection:
        """Connect to a port on 127.0.0.1; without ``reading``, nothing is read until `read` is called."""
        start_mono = time.monotonic()
        new_socket = wire.new_socket if wire else socket.socket
        sock = await sockets.connect(
            "127.0.0.1", port, receive_buffer_bytes=receive_buffer_bytes, new_socket=new_socket
        )
        connection = cls(sock, start_mono)
        if reading:
            connection.read()
        else:
            connection._watch_hang_up()
        return connection

    @property
    def elapsed_seconds(self) -> float:
        """The time since connect."""
        return time.monotonic() - self._start_mono

    @property
    def has_fin(self) -> bool:
        """Whether the peer has sent its FIN."""
        return any(what == "fin" for what, _ in self.endings)

    @property
    def has_reset(self) -> bool:
        """Whether the peer has sent a RST: nothing comes after it."""
        return any(what == "reset" for what, _ in self.endings)

    def read(self, *, max_bytes: int = sockets.RECV_BYTES, each_seconds: float = 0.0) -> None:
        """Read everything from now on, or at most `max_bytes` every `each_seconds`."""
        self._max_bytes, self._each_seconds = max_bytes, each_seconds
        asyncio.get_running_loop().add_reader(self.sock, self._receive)

    def stop_reading(self) -> None:
        """Stop reading; a RST is still noticed."""
        asyncio.get_running_loop().remove_reader(self.sock)
        self._watch_hang_up()

    async def send(self, data: bytes) -> None:
        """Send everything, or as much as the peer takes: its reaction is noticed by reading."""
        if self._send_error is None:
            try:
                await asyncio.get_running_loop().sock_sendall(self.sock, data)
            except OSError as error:
                self._note_send_error(error)

    def send_urgent(self, data: bytes) -> None:
        """Send some bytes in one write, the last of which is urgent."""
        if self._send_error is None:
            try:
                self.sock.send(data, socket.MSG_OOB)
            except OSError as error:
                self._note_send_error(error)

    def end(self) -> None:
        """Send a FIN, and continue reading."""
        with suppress(OSError):
            sockets.send_eof(self.sock)

    async def changed(self, seconds: float) -> bool:
        """Wait until something comes, for this time at most; return whether it came."""
        self._has_changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0)):
                await self._has_changed.wait()
                return True
        return False

    async def ended(self, seconds: float, *, by_reset: bool = False) -> bool:
        """Wait for the peer's end, for this time at most; return whether it came."""
        deadline_seconds = self.elapsed_seconds + seconds
        while not (self.has_reset or (self.has_fin and not by_reset)):
            if not await self.changed(deadline_seconds - self.elapsed_seconds):
                return False
        return True

    def close(self) -> None:
        """Close; idempotent."""
        if not self._hang_up.closed:
            asyncio.get_running_loop().remove_reader(self._hang_up.fileno())
            self._hang_up.close()
        sockets.close(self.sock)

    def reset(self) -> None:
        """Close with a RST."""
        asyncio.get_running_loop().remove_reader(self.sock)
        self._hang_up.unregister(self.sock)
        sockets.reset(self.sock)

    def _note_send_error(self, error: OSError) -> None:
        self._send_error = error.errno
        if self.has_fin:  # the hang-up may have come without an error, as this write had taken it
            self._see_hang_up()

    def _receive(self) -> None:
        try:
            chunk = self.sock.recv(self._max_bytes)
        except BlockingIOError:
            return
        except OSError:
            self._stop_reading()
            self._note("reset")
            return
        if chunk:
            if self.first_byte_seconds is None:
                self.first_byte_seconds = self.elapsed_seconds
            self.data += chunk
            self.arrivals.append(Arrival(len(self.data), time.monotonic()))
            self._has_changed.set()
            if self._each_seconds:
                self._rest()
            return
        self._stop_reading()
        # A failed write takes the error of a RST, so that the next read doesn't get it. EPIPE means that the RST came
        # after a FIN (tcp_reset in the kernel's tcp_input.c).
        if self._send_error != errno.ECONNRESET and not self.has_reset:
            self._note("fin")
        self._watch_hang_up()

    def _rest(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.sock)
        loop.call_later(self._each_seconds, self._go_on)

    def _go_on(self) -> None:
        if self.sock.fileno() >= 0:
            asyncio.get_running_loop().add_reader(self.sock, self._receive)

    def _stop_reading(self) -> None:
        asyncio.get_running_loop().remove_reader(self.sock)

    def _watch_hang_up(self) -> None:
        asyncio.get_running_loop().add_reader(self._hang_up.fileno(), self._see_hang_up)

    def _see_hang_up(self) -> None:
        """Note a RST. Two FINs cause a hang-up as well, but leave the socket in another state or without an error."""
        asyncio.get_running_loop().remove_reader(self._hang_up.fileno())
        state = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if state == _TCP_CLOSE and (error or self._send_error) and not self.has_reset:
            self._note("reset")

    def _note(self, what: str) -> None:
        self.endings.append((what, self.elapsed_seconds))
        self._has_changed.set()
