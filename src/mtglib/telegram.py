"""Serves an admitted client: our answer, its obfuscated2 frame in TLS records, and the relay to its DC."""

from __future__ import annotations

import os
import random
import socket

from .admission import Admitted
from .conn import Conn
from .errors import ClientError
from .keyshare import KeyShares
from .options import ProxyOpts
from .reasons import Reason
from .relay.job import DRS, Job, TelegramCiphers
from .wire import obfuscated2, server_hello
from .wire.aes_ctr import crypt
from .wire.obfuscated2 import ClientFrame
from .wire.record_stream import RecordDecoder, encode_records

_NOISE_LENGTHS = server_hello.MAX_NOISE_BYTES - server_hello.MIN_NOISE_BYTES + 1
_MAX_BYTES_BEFORE_FRAME = 64 * 1024  # in records that carry nothing; a flood of those mustn't keep the event loop


async def send_answer(conn: Conn, client: Admitted, key_shares: KeyShares, deadline_mono: float) -> None:
    """Answer a client's hello, in one write.

    Raises:
        ClientError: TIMEOUT: it doesn't take the answer.
        OSError: The connection is broken.
    """
    answer = server_hello.build_answer(client.secret.key, client.hello, key_shares.take(), _noise())
    try:
        await conn.send_all(answer, deadline_mono)
    except TimeoutError:
        raise ClientError(Reason.TIMEOUT, "the client doesn't read our answer") from None


async def read_frame(conn: Conn, client: Admitted, deadline_mono: float) -> tuple[ClientFrame, bytes]:
    """Return the frame and the bytes after it, in records again.

    Raises:
        ClientError: CLOSED, TIMEOUT or FRAME: there is no frame, or an invalid one.
        OSError: The connection is broken.
    """
    decoder, payload, left_bytes = RecordDecoder(), b"", _MAX_BYTES_BEFORE_FRAME
    while True:
        left_bytes -= len(conn.unread)
        decoded, error = decoder.feed(conn.take_all())
        payload += decoded
        if len(payload) >= obfuscated2.FRAME_BYTES:
            break  # an error after it ends the relay, after the bytes before it
        if error is not None:
            raise error
        if decoder.ended:
            raise ClientError(Reason.CLOSED, "the client sent an alert in place of its frame")
        if left_bytes <= 0:
            raise ClientError(Reason.FRAME, "too many records without a frame")
        try:
            if not await conn.receive_more(deadline_mono):
                raise ClientError(Reason.CLOSED, "the client closed the connection before its frame was complete")
        except TimeoutError:
            raise ClientError(Reason.TIMEOUT, "no frame in time") from None
    behind = payload[obfuscated2.FRAME_BYTES :]
    unread = (encode_records(behind) if behind else b"") + decoder.resume()
    frame = obfuscated2.parse_client_frame(payload[: obfuscated2.FRAME_BYTES], client.secret.key)
    return frame, unread


def telegram_job(
    opts: ProxyOpts, conn: Conn, upstream: socket.socket, frame: ClientFrame, unread: bytes, dc: int
) -> Job:
    """Make the job that relays a client to its DC, and give up the client's socket.

    Args:
        opts: The proxy's options.
        conn: The client's connection.
        upstream: The DC's socket.
        frame: The client's.
        unread: The bytes after it, in records.
        dc: The number that our frame tells the DC.
    """
    fast = opts.fast_mode
    preamble, leg = obfuscated2.build_dc_frame(_frame_noise(), dc, frame.ciphers if fast else None)
    ciphers = TelegramCiphers(
        client_decrypt=frame.ciphers.from_initiator,
        dc_encrypt=leg.from_initiator,
        dc_decrypt=None if fast else leg.to_initiator,
        client_encrypt=None if fast else frame.ciphers.to_initiator,
    )
    shape = DRS if opts.drs else None
    return Job(conn.detach()[0], upstream, unread, preamble, ciphers, opts.idle_timeout, shape=shape)


def _noise() -> bytes:
    """Random bytes in place of a certificate flight: a throw-away keystream, a tenth of the system's own price."""
    length = server_hello.MIN_NOISE_BYTES + int(_NOISE_LENGTHS * random.random())  # noqa: S311 - no secret
    return crypt(os.urandom(32), bytes(16), bytes(length))


def _frame_noise() -> bytes:
    while not obfuscated2.dc_noise_is_usable(noise := os.urandom(obfuscated2.FRAME_BYTES)):
        pass
    return noise
