"""Describes what a server sent, always in the same words for the same answer: random bytes and dates are left out.

TLS records are described by type and length, alerts in full, a ServerHello without its random bytes. Everything else is
described byte by byte, without HTTP's dates; long data by its length, beginning and SHA-256.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator

from tools.probes.server_hello import KEY_SHARE, parse_server_hello

_ALERT, _HANDSHAKE, _SERVER_HELLO = 21, 22, 2
_TYPES = {20: "ccs", 21: "alert", 22: "handshake", 23: "data"}
_MESSAGES = {2: "server_hello", 4: "ticket", 11: "certificate", 12: "key_exchange", 14: "done", 22: "status"}
_LONGEST_TEXT = 120


def describe(data: bytes) -> str:
    """Return the description."""
    if not data:
        return "nothing"
    if data[0] in _TYPES and data[1:2] in (b"\x03", b""):
        return ", ".join(_counted(_records(data)))
    return text(data)


def text(data: bytes) -> str:
    """Describe bytes that aren't TLS, or no longer."""
    dateless = re.sub(rb"(?i)\r\nDate: [^\r]*", b"", data)
    if len(dateless) <= _LONGEST_TEXT:
        return repr(dateless)[1:]
    return f"{len(dateless)} bytes {repr(dateless[:40])[1:]} {hashlib.sha256(dateless).hexdigest()[:12]}"


def _counted(words: Iterator[str]) -> Iterator[str]:
    """Merge words that come several times in a row, with their number."""
    for word, group in itertools.groupby(words):
        count = len(list(group))
        yield word if count == 1 else f"{count} x {word}"


def _records(data: bytes) -> Iterator[str]:
    is_encrypted = False
    while data:
        size = int.from_bytes(data[3:5], "big")
        if len(data) < 5 or len(data) < 5 + size:
            yield f"cut record {data[:5].hex()} and {max(len(data) - 5, 0)} bytes"
            return
        yield _record(data[0], data[1:3], data[5 : 5 + size], is_encrypted)
        is_encrypted = is_encrypted or data[0] == 20
        data = data[5 + size :]


def _record(kind: int, version: bytes, payload: bytes, is_encrypted: bool) -> str:
    name = str(_TYPES.get(kind, kind)) + ("" if version == b"\x03\x03" else f"/{version.hex()}")
    if kind == _ALERT and len(payload) == 2:
        return f"{name} {payload[0]}-{payload[1]}"
    if kind == _HANDSHAKE and not is_encrypted:
        return f"{name} {len(payload)} ({', '.join(_messages(payload))})"
    return name if kind == 20 else f"{name} {len(payload)}"


def _messages(payload: bytes) -> Iterator[str]:
    while payload:
        size = int.from_bytes(payload[1:4], "big")
        body = payload[4 : 4 + size]
        yield _server_hello(body) if payload[0] == _SERVER_HELLO else f"{_MESSAGES.get(payload[0], payload[0])} {size}"
        payload = payload[4 + size :]


def _server_hello(body: bytes) -> str:
    try:
        hello = parse_server_hello(body)
    except ValueError:
        return f"cut server_hello {len(body)}"
    kind = "retry" if hello.is_retry else "server_hello"
    downgraded = f" {hello.random[24:].hex()}" if hello.random[24:31] == b"DOWNGRD" else ""
    words = [
        f"{number}:{content[:2].hex() if number == KEY_SHARE else content.hex()}.{len(content)}"
        for number, content in hello.extensions
    ]
    return (
        f"{kind}{downgraded} {hello.version.hex()} session {len(hello.session_id)} suite {hello.suite.hex()} "
        f"extensions {' '.join(words)}"
    )
