"""A Telegram client without MTProto: FakeTLS, obfuscated2 and records, in pieces of any size."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from support import sockets
from support.client_hello import Shape, build_client_hello, hello_records, sign_hello
from support.obfuscated2 import PADDED_INTERMEDIATE, SentFrame, make_frame
from support.secrets import SecretLike
from support.server_answer import ANSWER_RECORDS, ServerAnswer, check_answer_header, verify_answer
from support.tls_records import (
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    MAX_PAYLOAD_BYTES,
    MAX_RECEIVED_BYTES,
    RecordError,
    RecordReader,
    cut_records,
)


@dataclass(frozen=True, kw_only=True)
class ClientOptions:
    """How this client behaves; by default like a current official client.

    ``server_name`` and ``timestamp`` (unix seconds) default to the secret's host and to now. ``hello_cuts``
    splits the hello over several TLS records at these offsets, ``segment_bytes`` everything up to the frame
    over several writes. ``alter_hello`` gets the handshake message before it is signed. ``frame_record_bytes``
    are the record sizes that the frame and ``first_payload`` get.
    """

    shape: Shape = "modern"
    server_name: str | None = None
    timestamp: int | None = None
    session_id_bytes: int = 32
    alter_hello: Callable[[bytes], bytes] = bytes
    hello_cuts: Sequence[int] = ()
    segment_bytes: int | None = None
    tag: bytes = PADDED_INTERMEDIATE
    change_cipher_spec: bool = True
    first_payload: bytes = b""
    frame_record_bytes: Sequence[int] = (MAX_PAYLOAD_BYTES,)
    receive_buffer_bytes: int | None = None


@dataclass
class FakeTLSClient(sockets.Peer):
    """One connection to a proxy; ``connect`` does the whole handshake, the single steps are there for tests.

    One task may send while another receives. Leaving the context closes.
    """

    sock: socket.socket
    secret: SecretLike
    dc: int = 2
    options: ClientOptions = field(default_factory=ClientOptions)
    hello: bytes = b""
    """The signed handshake message, once sent: its records are ``hello_records(client.hello)``."""
    received_records: list[int] = field(default_factory=list)
    """The payload length of each 0x17 record that came after the answer."""
    received_at_mono: list[float] = field(default_factory=list)
    """When the last byte of each of them was read, in the monotonic clock's seconds."""

    def __post_init__(self) -> None:
        self._records = RecordReader()
        self._readable = bytearray()
        self._frame: SentFrame | None = None

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        secret: SecretLike,
        dc: int = 2,
        options: ClientOptions | None = None,
        *,
        handshake_timeout: float = 10.0,
    ) -> Self:
        """Connect, authenticate and open the stream to a DC.

        ``handshake_timeout`` is in seconds. Raises AnswerError if it isn't a proxy, EOFError or OSError if it closes
        the connection, TimeoutError.
        """
        options = options or ClientOptions()
        sock = await sockets.connect(host, port, receive_buffer_bytes=options.receive_buffer_bytes)
        client = cls(sock, secret, dc, options)
        try:
            async with asyncio.timeout(handshake_timeout):
                await client.handshake()
        except BaseException:
            client.close()
            raise
        return client

    async def handshake(self) -> Self:
        """Authenticate, and open the stream to the DC."""
        await self.send_hello()
        await self.receive_answer()
        await self.send_frame()
        return self

    async def send_hello(self) -> None:
        """Build, sign and send the hello."""
        options = self.options
        hello = build_client_hello(
            options.server_name or self.secret.host,
            shape=options.shape,
            session_id_bytes=options.session_id_bytes,
        )
        stamp = int(time.time()) if options.timestamp is None else options.timestamp
        self.hello = sign_hello(options.alter_hello(hello), self.secret.key, stamp)
        wire = hello_records(self.hello, options.hello_cuts)
        await sockets.send_all(self.sock, wire, segment_bytes=options.segment_bytes)

    async def receive_answer(self) -> ServerAnswer:
        """Read exactly three records and verify them; raises AnswerError."""
        raw = bytearray()
        for kind in ANSWER_RECORDS:
            header = await sockets.recv_exactly(self.sock, 5)
            check_answer_header(header, kind)
            raw += header
            raw += await sockets.recv_exactly(self.sock, int.from_bytes(header[3:5], "big"))
        return verify_answer(bytes(raw), self.hello, self.secret.key)

    def make_frame(self) -> SentFrame:
        """Make the frame; what makes it by itself has to send it by itself."""
        self._frame = make_frame(self.secret.key, self.dc, self.options.tag)
        return self._frame

    async def send_frame(self) -> None:
        """Send a ChangeCipherSpec (unless the options say no), the frame, and then the first payload."""
        options = self.options
        frame = self.make_frame()
        stream = frame.wire + frame.up.apply(options.first_payload)
        start = CHANGE_CIPHER_SPEC if options.change_cipher_spec else b""
        wire = start + cut_records(stream, options.frame_record_bytes)
        await sockets.send_all(self.sock, wire, segment_bytes=options.segment_bytes)

    @property
    def frame(self) -> SentFrame:
        """The frame that was made, with the keys of both directions."""
        if self._frame is None:
            raise RuntimeError("the frame has not been sent yet")
        return self._frame

    def wrap(self, data: bytes, record_bytes: Sequence[int] = (MAX_PAYLOAD_BYTES,)) -> bytes:
        """Encrypt and frame data as it is on the wire; everything that was wrapped must be sent, in this order."""
        return cut_records(self.frame.up.apply(data), record_bytes)

    async def send(
        self,
        data: bytes,
        *,
        record_bytes: Sequence[int] = (MAX_PAYLOAD_BYTES,),
        segment_bytes: int | None = None,
    ) -> None:
        """Send data in records of these sizes (in turn), and the records in writes of ``segment_bytes``."""
        await sockets.send_all(self.sock, self.wrap(data, record_bytes), segment_bytes=segment_bytes)

    async def send_raw(self, wire: bytes) -> None:
        """Send exactly these bytes: wrapped ones, or invalid ones."""
        await sockets.send_all(self.sock, wire)

    async def recv_some(self, max_bytes: int = sockets.RECV_BYTES) -> bytes:
        """Return decrypted bytes as soon as there are any, ``b""`` after the proxy's FIN.

        Raises RecordError for a record that breaks a real client, OSError on a RST. At most ``max_bytes`` of
        wire are read at a time, so that a slow reader stays slow.
        """
        while not self._readable:
            wire = await asyncio.get_running_loop().sock_recv(self.sock, max_bytes)
            if not wire:
                if self._records.pending_bytes:
                    raise RecordError(f"FIN inside a record, {self._records.pending_bytes} bytes into it")
                return b""
            self._take(wire)
        data = bytes(self._readable)
        self._readable.clear()
        return data

    async def recv_exactly(self, count_bytes: int) -> bytes:
        """Return `count_bytes` decrypted bytes; raises EOFError if the proxy ends earlier."""
        got = bytearray()
        while len(got) < count_bytes:
            data = await self.recv_some()
            if not data:
                raise EOFError(f"ended after {len(got)} of {count_bytes} bytes")
            got += data
        self._readable[:0] = got[count_bytes:]
        return bytes(got[:count_bytes])

    async def recv_until_end(self) -> sockets.Received:
        """Read and decrypt until the proxy's FIN or RST."""
        got = bytearray()
        try:
            while data := await self.recv_some():
                got += data
        except (ConnectionResetError, BrokenPipeError):
            return sockets.Received(bytes(got), "reset")
        return sockets.Received(bytes(got), "eof")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, wire: bytes) -> None:
        now_mono = time.monotonic()
        for record in self._records.feed(wire):
            if record.kind != APPLICATION_DATA:
                raise RecordError(f"record type {record.kind:#x} in the stream")
            if len(record.payload) > MAX_RECEIVED_BYTES:
                raise RecordError(f"a record of {len(record.payload)} bytes")
            self.received_records.append(len(record.payload))
            self.received_at_mono.append(now_mono)
            self._readable += self.frame.down.apply(record.payload)
