"""A stream of TLS records that carries an obfuscated2 stream, in both directions.

Each record is 0x17, application data, and may be empty. Anything else from a client is an error, as it is for a TLS 1.3
server behind the handshake; sent to a client, it would break official ones. docs/adr/0021 says more.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import ClientError
from ..reasons import Reason
from .tls_records import (
    APPLICATION_DATA,
    FULL_RECORD_BYTES,
    HEADER_BYTES,
    MAX_CIPHERTEXT_BYTES,
    VERSION,
    application_data,
    header,
    unpack_header,
)


class RecordDecoder:
    """Unwraps a client's stream, at any segmentation."""

    __slots__ = ("_header", "_left")

    def __init__(self) -> None:
        self._header = b""
        self._left = 0  # bytes still to come of the current record

    def feed(self, received: bytes) -> tuple[bytes, ClientError | None]:
        """Take received bytes; return their payload, and the error in the bytes after it, if any."""
        payload, _, error = self.feed_part(received, len(received))
        return payload, error

    def feed_part(self, received: bytes, max_records: int) -> tuple[bytes, int, ClientError | None]:
        """Take received bytes until `max_records` records have begun: each costs time, however short it is.

        Returns:
            The payload; how many bytes were taken; and the error in the bytes after the payload, if any.
        """
        payload: list[bytes] = []
        position = 0
        while position < len(received):
            if self._left == 0:
                if max_records == 0:
                    break
                wanted = HEADER_BYTES - len(self._header)
                self._header += received[position : position + wanted]
                position += wanted
                if len(self._header) == HEADER_BYTES:
                    max_records -= 1
                    if error := self._begin_record():
                        return b"".join(payload), position, error
                continue
            piece = received[position : position + self._left]
            position += len(piece)
            self._left -= len(piece)
            payload.append(piece)
        return b"".join(payload), position, None

    def _begin_record(self) -> ClientError | None:
        record_type, version, length = unpack_header(self._header, 0)
        if record_type != APPLICATION_DATA or version != VERSION:
            return ClientError(Reason.FRAME, "not a TLS record that a client may send")
        if length > MAX_CIPHERTEXT_BYTES:
            return ClientError(Reason.FRAME, f"a TLS record longer than {MAX_CIPHERTEXT_BYTES} bytes")
        self._header, self._left = b"", length
        return None

    def resume(self) -> bytes:
        """Return bytes that bring a fresh decoder into this one's state, to be fed before the bytes that follow.

        After an error, this is the header that caused it, so that the fresh decoder ends the same way.
        """
        return header(APPLICATION_DATA, self._left) if self._left else self._header


def encode_records(payload: bytes) -> bytes:
    """Wrap payload of any length into records, all of which are full ones but the last."""
    if len(payload) <= FULL_RECORD_BYTES:
        return application_data(payload)
    pieces = range(0, len(payload), FULL_RECORD_BYTES)
    return b"".join(application_data(payload[at : at + FULL_RECORD_BYTES]) for at in pieces)


def encode_records_of(sizes: Iterable[int], payload: bytes) -> list[bytes]:
    """Wrap payload into records of these sizes, as many as it fills; the last one may be shorter.

    The sizes are 1 to 16 401 each, and together no less than the payload.
    """
    records: list[bytes] = []
    position = 0
    for size in sizes:
        if position >= len(payload):
            break
        records.append(application_data(payload[position : position + size]))
        position += size
    return records
