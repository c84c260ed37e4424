"""Serves an admitted client: our answer, its obfuscated2 frame in TLS records, and the relay to its DC."""

from __future__ import annotations

import os
import socket

from .admission import Admitted
from .answers import ChosenAnswer
from .conn import Conn
from .errors import ClientError
from .keyshare import KeyShares
from .options import ProxyOpts
from .reasons import Reason
from .relay.job import Job, Shape, TelegramCiphers
from .wire import obfuscated2, server_hello
from .wire.aes_ctr import crypt
from .wire.handshake import NamedGroup
from .wire.obfuscated2 import ClientFrame
from .wire.record_stream import RecordDecoder, encode_records
from .wire.tls_records import (
    ALERT,
    CHANGE_CIPHER_SPEC,
    CHANGE_CIPHER_SPEC_RECORD,
    HEADER_BYTES,
    MAX_CIPHERTEXT_BYTES,
    VERSION,
    unpack_header,
)

_MAX_CHANGE_CIPHER_SPECS = 32  # as OpenSSL; Go's crypto/tls takes 16
_MAX_BYTES_BEFORE_FRAME = 64 * 1024  # in empty records; a flood of them mustn't block the event loop


def make_answer(client: Admitted, answer: ChosenAnswer, key_shares: KeyShares) -> bytes:
    """Make the answer to a client's hello.

    Args:
        client: The client. If it has no usable share of the answer's group, X25519 is answered.
        answer: What the answer looks like.
        key_shares: Makes our key share.
    """
    shape = answer.shape
    share = key_shares.answer_to(shape.group, client.hello.key_shares.get(shape.group, b""))
    if share is None:
        shape, share = shape._replace(group=NamedGroup.X25519), key_shares.take()
    noise = _noise(answer.noise_bytes)
    return server_hello.build_answer(client.secret.key, client.hello, shape, share, noise)


async def send_answer(conn: Conn, answer: bytes, deadline_mono: float) -> None:
    """Send it, in one write.

    Args:
        conn: The client's connection.
        answer: As from `make_answer`.
        deadline_mono: When the client has to have taken it, by the event loop's clock.

    Raises:
        ClientError: TIMEOUT: it doesn't take the answer.
        OSError: The connection is broken.
    """
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
    await _skip_change_cipher_specs(conn, deadline_mono)
    decoder, payload, left_bytes = RecordDecoder(), b"", _MAX_BYTES_BEFORE_FRAME
    while True:
        left_bytes -= len(conn.unread)
        decoded, error = decoder.feed(conn.take_all())
        payload += decoded
        if len(payload) >= obfuscated2.FRAME_BYTES:
            break  # the relay finds an error behind it, and delivers the bytes before the error first
        if error is not None:
            raise error
        if left_bytes <= 0:
            raise ClientError(Reason.FRAME, "too many records without a frame")
        await _receive_more(conn, deadline_mono)
    behind = payload[obfuscated2.FRAME_BYTES :]
    unread = (encode_records(behind) if behind else b"") + decoder.resume()
    frame = obfuscated2.parse_client_frame(payload[: obfuscated2.FRAME_BYTES], client.secret.key)
    return frame, unread


async def _skip_change_cipher_specs(conn: Conn, deadline_mono: float) -> None:
    """Take what a TLS 1.3 client may send before its Finished message, for which its first data stands."""
    for _ in range(_MAX_CHANGE_CIPHER_SPECS + 1):
        await _receive(conn, HEADER_BYTES, deadline_mono)
        record_type, version, length_bytes = unpack_header(conn.unread, 0)
        has_valid_length = length_bytes <= MAX_CIPHERTEXT_BYTES
        if record_type not in (CHANGE_CIPHER_SPEC, ALERT) or version != VERSION or not has_valid_length:
            return  # the decoder takes it, or refuses it
        await _receive(conn, HEADER_BYTES + length_bytes, deadline_mono)
        if record_type == ALERT:
            raise ClientError(Reason.CLOSED, "the client sent an alert in place of its frame")
        if conn.take(HEADER_BYTES + length_bytes) != CHANGE_CIPHER_SPEC_RECORD:
            raise ClientError(Reason.FRAME, "not a ChangeCipherSpec that a client may send")
    raise ClientError(Reason.FRAME, "too many ChangeCipherSpecs")


async def _receive(conn: Conn, count_bytes: int, deadline_mono: float) -> None:
    while len(conn.unread) < count_bytes:
        await _receive_more(conn, deadline_mono)


async def _receive_more(conn: Conn, deadline_mono: float) -> None:
    try:
        if not await conn.receive_more(deadline_mono):
            raise ClientError(Reason.CLOSED, "the client closed the connection before its frame was complete")
    except TimeoutError:
        raise ClientError(Reason.TIMEOUT, "no frame in time") from None


def telegram_job(
    opts: ProxyOpts,
    conn: Conn,
    upstream: socket.socket,
    frame: ClientFrame,
    unread: bytes,
    dc: int,
    shape: Shape | None,
) -> Job:
    """Make the job that relays a client to its DC, and give up the client's socket.

    Args:
        opts: The proxy's options.
        conn: The client's connection.
        upstream: The DC's socket.
        frame: The client's.
        unread: The bytes after it, in records.
        dc: The number that our frame tells the DC.
        shape: Which records the client gets.
    """
    fast = opts.fast_mode
    preamble, leg = obfuscated2.build_dc_frame(_frame_noise(), dc, frame.ciphers if fast else None)
    ciphers = TelegramCiphers(
        client_decrypt=frame.ciphers.from_initiator,
        dc_encrypt=leg.from_initiator,
        dc_decrypt=None if fast else leg.to_initiator,
        client_encrypt=None if fast else frame.ciphers.to_initiator,
    )
    return Job(
        client=conn.detach()[0],
        upstream=upstream,
        client_unread=unread,
        preamble=preamble,
        ciphers=ciphers,
        idle_timeout=opts.idle_timeout,
        shape=shape,
        not_sent_low_water_bytes=opts.not_sent_low_water_bytes,
    )


def _noise(count_bytes: int) -> bytes:
    """Random bytes in place of a certificate flight: a throw-away keystream, at a tenth of the cost of `os.urandom`."""
    return crypt(os.urandom(32), bytes(16), bytes(count_bytes))


def _frame_noise() -> bytes:
    while not obfuscated2.dc_noise_is_usable(noise := os.urandom(obfuscated2.FRAME_BYTES)):
        pass
    return noise
