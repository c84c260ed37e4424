"""What stays of a ServerHello when all that is random is taken away: JA4S, and the message itself with zeros.

JA4S is FoxIO's: https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4S.md
"""

from __future__ import annotations

import hashlib

from support.server_answer import is_real_share
from tools.probes.server_hello import KEY_SHARE, ServerHello, parse_server_hello

_HEADER_BYTES = 4
_RANDOM = slice(6, 38)  # in the message
_SUPPORTED_VERSIONS, _ALPN = 43, 16
_VERSIONS = {b"\x03\x04": "13", b"\x03\x03": "12", b"\x03\x02": "11", b"\x03\x01": "10", b"\x03\x00": "s3"}


def ja4s(hello: ServerHello) -> str:
    """Return the fingerprint of a ServerHello that came over TCP."""
    extensions = dict(hello.extensions)
    version = _VERSIONS.get(extensions.get(_SUPPORTED_VERSIONS, hello.version), "00")
    count = min(len(hello.extensions), 99)
    numbers = ",".join(f"{number:04x}" for number, _ in hello.extensions)
    digest = hashlib.sha256(numbers.encode()).hexdigest()[:12] if numbers else "0" * 12
    return f"t{version}{count:02}{_ends(extensions.get(_ALPN, b'')[3:])}_{hello.suite.hex()}_{digest}"


def masked(message: bytes, session_id: bytes) -> bytes:
    """Return the message with zeros for its random, the echoed ``session_id`` and the public key of its key share.

    The marks of a HelloRetryRequest, of another session id and of a public key that isn't one stay. Raises ValueError
    where it is cut.
    """
    hello = parse_server_hello(message[_HEADER_BYTES:])
    result = bytearray(message)
    if not hello.is_retry:
        result[_RANDOM] = bytes(32)
    if hello.session_id == session_id:
        start = _RANDOM.stop + 1
        result[start : start + len(session_id)] = bytes(len(session_id))
    at = _RANDOM.stop + 1 + len(hello.session_id) + 5
    for number, content in hello.extensions:
        at += 4
        if number == KEY_SHARE and is_real_share(int.from_bytes(content[:2], "big"), content[4:]):
            result[at + 4 : at + len(content)] = bytes(max(len(content) - 4, 0))
        at += len(content)
    return bytes(result)


def _ends(protocol: bytes) -> str:
    """The first and the last character of a protocol's name; of its hexadecimal form, if one isn't alphanumeric."""
    if not protocol:
        return "00"
    name = protocol.decode("latin-1")
    if not all(end.isascii() and end.isalnum() for end in (name[0], name[-1])):
        name = protocol.hex()
    return name[0] + name[-1]
