"""Reading and writing a byte stream on a blocking socket: raw, or in TLS application data records."""

from __future__ import annotations

import socket
from typing import Protocol

from benchmarks.peers.errors import RelayError

Buffer = bytes | bytearray | memoryview

# The bytes that a peer moves in one system call, on both sides of each proxy.
BLOCK_BYTES = 262_144
# RFC 8446, 5.1: a record's plaintext has at most 2**14 bytes; a ciphertext may have some more.
RECORD_BYTES = 16_384
_LONGEST_RECORD_BYTES = RECORD_BYTES + 256
_HEADER_BYTES = 5
_APPLICATION_DATA = b"\x17\x03\x03"


class Stream(Protocol):
    """A connection's payload, whatever it is wrapped in."""

    def write(self, payload: Buffer) -> None:
        """Send all of the payload."""

    def read_into(self, target: memoryview) -> None:
        """Fill the target.

        Raises:
            RelayError: the stream ended first, or isn't well-formed.
        """

    def read_some(self) -> bytes:
        """Read the bytes that have arrived, with one call, which waits if there are none; perhaps without any payload.

        Raises:
            RelayError: the stream ended, or isn't well-formed.
        """

    def expect_end(self) -> None:
        """Wait for the peer's FIN.

        Raises:
            RelayError: another byte came.
        """


class RawStream:
    """The payload without records."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def write(self, payload: Buffer) -> None:
        """Send all of the payload."""
        self._sock.sendall(payload)

    def read_into(self, target: memoryview) -> None:
        """Fill the target."""
        filled = 0
        while filled < len(target):
            received = self._sock.recv_into(target[filled:])
            if not received:
                raise RelayError(f"the stream ended {len(target) - filled} bytes early")
            filled += received

    def read_some(self) -> bytes:
        """Read the bytes that have arrived."""
        received = self._sock.recv(BLOCK_BYTES)
        if not received:
            raise RelayError("the stream ended early")
        return received

    def expect_end(self) -> None:
        """Wait for the peer's FIN."""
        if self._sock.recv(1):
            raise RelayError("the stream goes on after its end")


class RecordStream:
    """The payload in records; the received bytes may be cut anywhere."""

    def __init__(self, sock: socket.socket, buffer_bytes: int, record_bytes: int, start: bytes) -> None:
        """Receive up to ``buffer_bytes`` at once, write records of at most ``record_bytes`` of payload.

        ``start`` goes out before the first of them, in the same call.
        """
        self._sock = sock
        self._record_bytes = record_bytes
        self._unsent = start
        self._received = memoryview(bytearray(buffer_bytes))
        self._position = self._end = 0  # of the received bytes that weren't taken yet
        self._record_left = 0  # bytes of the current record's payload that weren't taken yet

    def write(self, payload: Buffer) -> None:
        """Send all of the payload, in one call."""
        parts: list[Buffer] = [self._unsent]
        view = memoryview(payload)
        for start in range(0, len(view), self._record_bytes):
            piece = view[start : start + self._record_bytes]
            parts += (_APPLICATION_DATA, len(piece).to_bytes(2, "big"), piece)
        self._unsent = b""
        self._sock.sendall(b"".join(parts))

    def read_into(self, target: memoryview) -> None:
        """Fill the target."""
        filled = 0
        while filled < len(target):
            if not self._record_left:
                self._open_record()
            elif self._position == self._end:
                self._receive()
            else:
                taken = min(self._record_left, self._end - self._position, len(target) - filled)
                target[filled : filled + taken] = self._received[self._position : self._position + taken]
                self._position += taken
                self._record_left -= taken
                filled += taken

    def read_some(self) -> bytes:
        """Read the payload that has arrived."""
        self._receive()
        parts = []
        while self._record_left or self._end - self._position >= _HEADER_BYTES:
            if not self._record_left:
                self._open_record()
            taken = min(self._record_left, self._end - self._position)
            if not taken:
                break
            parts.append(bytes(self._received[self._position : self._position + taken]))
            self._position += taken
            self._record_left -= taken
        return b"".join(parts)

    def expect_end(self) -> None:
        """Wait for the peer's FIN."""
        if self._record_left or self._position != self._end or self._sock.recv(1):
            raise RelayError("the stream goes on after its end")

    def _open_record(self) -> None:
        """Take the next record's header."""
        while self._end - self._position < _HEADER_BYTES:
            self._receive()
        header = self._received[self._position : self._position + _HEADER_BYTES]
        self._record_left = int.from_bytes(header[3:], "big")
        if header[:3] != _APPLICATION_DATA or not 0 < self._record_left <= _LONGEST_RECORD_BYTES:
            raise RelayError(f"a record starts with {header.hex()}")
        self._position += _HEADER_BYTES

    def _receive(self) -> None:
        """Receive more bytes, behind those that weren't taken yet: at most part of a header."""
        rest = self._end - self._position
        self._received[:rest] = bytes(self._received[self._position : self._end])
        received = self._sock.recv_into(self._received[rest:])
        if not received:
            raise RelayError(f"the stream of records ended early, {self._record_left} bytes before a record's end")
        self._position, self._end = 0, rest + received
