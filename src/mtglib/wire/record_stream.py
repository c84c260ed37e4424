"""A stream of TLS records that carries an obfuscated2 stream, in both directions.

From the client, 0x17 is data (and may be empty), 0x14 is skipped, 0x15 ends the stream; everything else is an error. We
send only 0x17 records to the client: anything else in mid-stream breaks official clients.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import ClientError
from ..reasons import Reason
from .tls_records import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    FULL_RECORD_BYTES,
    HEADER_BYTES,
    MAX_CIPHERTEXT_BYTES,
    VERSION,
    application_data,
    unpack_header,
)


class RecordDecoder:
    """Unwraps a client's stream, at any segmentation.

    Attributes:
        ended: Whether an alert has come; bytes after it are ignored.
    """

    __slots__ = ("_data", "_header", "_left", "ended")

    def __init__(self) -> None:
        self._header = b""
        self._left = 0  # bytes still to come of the current record
        self._data = False  # whether these are payload
        self.ended = False

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
        while position < len(received) and not self.ended:
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
            if self._data:
                payload.append(piece)
        return b"".join(payload), position, None

    def _begin_record(self) -> ClientError | None:
        record_type, version, length = unpack_header(self._header, 0)
        self.ended = record_type == ALERT
        if record_type not in (APPLICATION_DATA, CHANGE_CIPHER_SPEC, ALERT) or version != VERSION:
            return ClientError(Reason.FRAME, "not a TLS record that a client may send")
        if length > MAX_CIPHERTEXT_BYTES:
            return ClientError(Reason.FRAME, f"a TLS record longer than {MAX_CIPHERTEXT_BYTES} bytes")
        if not self.ended:
            self._header = b""
        self._left, self._data = length, record_type == APPLICATION_DATA
        return None

    def resume(self) -> bytes:
        """Return bytes that bring a fresh decoder into this one's state, to be fed before the bytes that follow.

        After an error or an alert, this is the header that caused it, so that the fresh decoder ends the same way.
        """
        if self._left and not self.ended:
            record_type = APPLICATION_DATA if self._data else CHANGE_CIPHER_SPEC
            return bytes((record_type,)) + VERSION + self._left.to_bytes(2)
        return self._header


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
