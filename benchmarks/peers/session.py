"""An obfuscated2 session on a blocking socket, which compares the bytes that it receives with those that it expects.

A keystream never repeats, so a byte that was lost, doubled, moved or not decrypted turns all bytes around it into
noise: comparing the decrypted payload with a repeated pattern finds each of these faults.
"""

from __future__ import annotations

import random
import select
import socket
import struct
from collections.abc import Collection
from fcntl import ioctl
from typing import NamedTuple

from benchmarks.peers.errors import RelayError
from benchmarks.peers.faketls import CHANGE_CIPHER_SPEC, Secret, shake_hands
from benchmarks.peers.obfuscated2 import FRAME_BYTES, Ciphers, accept_leg, open_leg
from benchmarks.peers.streams import BLOCK_BYTES, RECORD_BYTES, RawStream, RecordStream, Stream

PATTERN = random.Random(2).randbytes(BLOCK_BYTES)
MESSAGE = PATTERN[:256]
MESSAGE_BUFFER_BYTES = 4096
# A relay that moves nothing for this time is stuck.
STALL_TIMEOUT_SECONDS = 20


class ProxyAddress(NamedTuple):
    """Where a client connects. It speaks FakeTLS there or, without a secret, bare obfuscated2."""

    port: int
    secret: Secret | None
    keeps_last_bytes: bool = True
    """False for a proxy that may drop what it hasn't sent yet, once the DC has closed."""


class Session:
    """One end of a decrypted stream."""

    def __init__(self, sock: socket.socket, stream: Stream, ciphers: Ciphers, buffer_bytes: int) -> None:
        """Take over the socket; ``buffer_bytes`` is the most payload of one call."""
        self._sock = sock
        self._stream = stream
        self._ciphers = ciphers
        self._sending = memoryview(bytearray(buffer_bytes))
        self._receiving = memoryview(bytearray(buffer_bytes))
        self._opened = bytearray()

    def fileno(self) -> int:
        """The socket's descriptor, for a selector."""
        return self._sock.fileno()

    def send(self, payload: bytes, frame: bytes = b"") -> None:
        """Encrypt and send; a frame goes before it, in the same write."""
        end = len(frame) + len(payload)
        self._sending[: len(frame)] = frame
        self._ciphers.outgoing.update_into(payload, self._sending[len(frame) : end])
        self._stream.write(self._sending[:end])

    def receive(self, size_bytes: int) -> bytearray:
        """Receive and decrypt exactly `size_bytes`; the next call overwrites the result."""
        if len(self._opened) != size_bytes:
            self._opened = bytearray(size_bytes)
        received = self._receiving[:size_bytes]
        self._stream.read_into(received)
        self._ciphers.incoming.update_into(received, self._opened)
        return self._opened

    def receive_some(self) -> bytes:
        """Receive and decrypt the bytes that have arrived; see `Stream.read_some`."""
        return self._ciphers.incoming.update(self._stream.read_some())

    def expect(self, payload: bytes) -> None:
        """Receive exactly this payload.

        Raises:
            RelayError: anything else came.
        """
        if self.receive(len(payload)) != payload:
            raise RelayError(f"{len(payload)} bytes were changed on their way")

    def expect_end(self) -> None:
        """Wait for the peer's FIN; another byte is a RelayError."""
        self._stream.expect_end()

    def finish_sending(self) -> None:
        """Send our FIN."""
        self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()


def connect(address: ProxyAddress, first: bytes, buffer_bytes: int, record_bytes: int = RECORD_BYTES) -> Session:
    """Open a session and send its first payload as clients do: with the frame, in one record and write."""
    sock = connect_socket(address.port)
    stream: Stream = RawStream(sock)
    secret_key = b""
    if address.secret is not None:
        shake_hands(sock, address.secret)
        stream = RecordStream(sock, buffer_bytes, record_bytes, start=CHANGE_CIPHER_SPEC)
        secret_key = address.secret.key
    frame, ciphers = open_leg(secret_key)
    session = Session(sock, stream, ciphers, buffer_bytes)
    session.send(first, frame)
    return session


def accept(sock: socket.socket, buffer_bytes: int) -> Session | None:
    """Open the DC's end of a session; None if the peer left without a byte: it only checked for a listener."""
    tune(sock)
    stream = RawStream(sock)
    frame = memoryview(bytearray(FRAME_BYTES))
    try:
        frame[0] = sock.recv(1)[0]
    except (IndexError, ConnectionResetError):
        sock.close()
        return None
    stream.read_into(frame[1:])
    return Session(sock, stream, accept_leg(bytes(frame)), buffer_bytes)


def open_stream(sock: socket.socket, secret: Secret) -> None:
    """Shake hands and ask for the DC, on a connected socket whose stream nobody will decrypt."""
    shake_hands(sock, secret)
    frame, _ = open_leg(secret.key)
    RecordStream(sock, FRAME_BYTES, RECORD_BYTES, start=CHANGE_CIPHER_SPEC).write(frame)


def connect_socket(port: int) -> socket.socket:
    """A connected, blocking, tuned socket."""
    sock = socket.socket()
    tune(sock)
    sock.connect(("127.0.0.1", port))
    return sock


def count_ended(socks: Collection[socket.socket]) -> int:
    """The number of sockets that their peer has closed or reset."""
    poll = select.poll()
    for sock in socks:
        poll.register(sock, select.POLLRDHUP)
    return len(poll.poll(0))


def queued_bytes(sock: socket.socket, queue: int) -> int:
    """The length of a queue: FIONREAD, what we haven't read; TIOCOUTQ, what the peer's kernel hasn't acknowledged."""
    (count,) = struct.unpack("i", ioctl(sock, queue, bytes(4)))
    return int(count)


def tune(sock: socket.socket) -> None:
    """Set the options of all sockets of all peers; buffers are left to the kernel's autotuning.

    The time-outs are the kernel's, because Python's own cost a poll() before each call.
    """
    stall = struct.pack("@ll", STALL_TIMEOUT_SECONDS, 0)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, stall)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, stall)
