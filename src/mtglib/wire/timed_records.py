"""Which bytes of a TLS stream are which record, and how long nothing came before each."""

from __future__ import annotations

from typing import NamedTuple

from .tls_records import HEADER_BYTES, unpack_header


class ArrivedRecord(NamedTuple):
    """A record that is complete.

    Attributes:
        data: The record, with its header.
        pause_seconds: How long nothing came before its first byte; 0 if that came together with other bytes.
    """

    data: bytes
    pause_seconds: float


class TimedRecordReader:
    """Splits a stream that arrives in pieces.

    Args:
        begun_mono: When the first byte could have come.
    """

    def __init__(self, begun_mono: float) -> None:
        self._arrived_mono = begun_mono
        self._pause_seconds = 0.0
        self._partial = b""

    def feed(self, data: bytes, arrived_mono: float, was_waited_for: bool = True) -> list[ArrivedRecord]:
        """Take what was read at this time; return the records that are complete now.

        What was there before somebody waited for it has no pause: it may have come long before.
        """
        if not self._partial:
            self._pause_seconds = arrived_mono - self._arrived_mono if was_waited_for else 0.0
        self._arrived_mono = arrived_mono
        data, at, records = self._partial + data, 0, list[ArrivedRecord]()
        while at + HEADER_BYTES <= len(data):
            end = at + HEADER_BYTES + unpack_header(data, at)[2]
            if end > len(data):
                break
            records.append(ArrivedRecord(data[at:end], self._pause_seconds))
            self._pause_seconds = 0.0
            at = end
        self._partial = data[at:]
        return records
