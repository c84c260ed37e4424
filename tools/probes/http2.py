"""As much of HTTP/2 as a prober needs: one request, and a description of the answer's frames (RFC 9113, RFC 7541)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tools.probes.describe import text

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _WINDOW_UPDATE = 0, 1, 4, 8
_HEADER_BYTES = 9
SETTINGS_HEADER_BYTES = _HEADER_BYTES
"""A server's first frame has so many bytes at least."""

_CHROMES_SETTINGS = ((1, 65_536), (2, 0), (4, 6_291_456), (6, 262_144))  # by the numbers of RFC 9113, 6.5.2
_CHROMES_WINDOW_UPDATE_BYTES = 15_663_105
_CHROMES_FIELDS = ((b"user-agent", b"Mozilla/5.0"), (b"accept", b"*/*"), (b"accept-encoding", b"gzip, deflate, br"))


def get_request(host: str, path: str) -> bytes:
    """Return everything that a client sends to get one page."""
    return _PREFACE + _frame(_SETTINGS, 0, 0, b"") + _get(host, path)


def browser_request(host: str, path: str) -> bytes:
    """Return what Chrome sends first to get one page, with its settings and windows, but less of its header."""
    settings = b"".join(struct.pack("!HI", *setting) for setting in _CHROMES_SETTINGS)
    update = struct.pack("!I", _CHROMES_WINDOW_UPDATE_BYTES)
    fields = b"".join(b"\x40" + _sized(name) + _sized(value) for name, value in _CHROMES_FIELDS)
    return (
        _PREFACE + _frame(_SETTINGS, 0, 0, settings) + _frame(_WINDOW_UPDATE, 0, 0, update) + _get(host, path, fields)
    )


def _get(host: str, path: str, fields: bytes = b"") -> bytes:
    authority = b"\x41" + _sized(host.encode())  # indexed name 1, literal value
    path_field = b"\x84" if path == "/" else b"\x44" + _sized(path.encode())
    headers = b"\x82" + b"\x87" + path_field + authority  # GET, https
    return _frame(_HEADERS, 0x05, 1, headers + fields)


def frames(data: bytes) -> str:
    """Describe frames: type, flags and content, except for headers, which contain a date.

    Frames of a stream stay in their order; those of the connection are sorted, as servers send them in any order.
    """
    told = list(_frames(data))
    own = sorted(words for stream, words in told if not stream)
    return ", ".join([*own, *(words for stream, words in told if stream)])


def _frames(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield the stream of each frame, and its description."""
    while data:
        size = int.from_bytes(data[:3], "big")
        payload = data[_HEADER_BYTES : _HEADER_BYTES + size]
        if len(data) < _HEADER_BYTES or len(payload) < size:
            yield -1, f"cut frame {data[:_HEADER_BYTES].hex()}"
            return
        kind, flags, stream = data[3], data[4], int.from_bytes(data[5:9], "big")
        content = "" if kind == _HEADERS else f" {text(payload) if kind == _DATA else payload.hex() or 'empty'}"
        yield stream, f"frame {kind} flags {flags:x} stream {stream}{content}"
        data = data[_HEADER_BYTES + size :]


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


SETTINGS_ACKNOWLEDGED = _frame(_SETTINGS, 0x01, 0, b"")
"""What a client sends once the server's settings have come."""


def _sized(value: bytes) -> bytes:
    return bytes([len(value)]) + value
