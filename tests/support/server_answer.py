"""The proxy's answer to a hello, checked as strictly as the strictest client does: bytes only, no I/O."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec

from support.client_hello import SECP256R1, X25519, X25519_MLKEM768, hello_random, hello_session_id
from support.tls_records import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE

_RANDOM_AT = 5 + 6
_FIELD_PRIME = 2**255 - 19
_SHARE_BYTES = {0x001D: 32, 0x0017: 65, 0x0018: 97, 0x0019: 133, 0x11EC: 1120, 0x11EB: 1153}


ANSWER_RECORDS = (HANDSHAKE, CHANGE_CIPHER_SPEC[0], APPLICATION_DATA)
"""The types of the three records, in order."""


class AnswerError(Exception):
    """A real client would give up on this answer."""


@dataclass(frozen=True)
class ServerAnswer:
    """The contents of the three records."""

    raw: bytes
    random: bytes
    session_id: bytes
    suite: bytes
    group: int
    public_key: bytes
    certificate_bytes: int


def verify_answer(raw: bytes, hello: bytes, key: bytes) -> ServerAnswer:
    """Check exactly three records, their HMAC and the ServerHello; ``hello`` is the signed handshake message.

    Raises AnswerError, which says what a client would reject.
    """
    server_hello, certificate = _three_records(raw)
    zeroed = raw[:_RANDOM_AT] + bytes(32) + raw[_RANDOM_AT + 32 :]
    wanted = hmac.digest(key, hello_random(hello) + zeroed, "sha256")
    if raw[_RANDOM_AT : _RANDOM_AT + 32] != wanted:
        raise AnswerError("Response hash mismatch")
    return _read_server_hello(raw, server_hello, len(certificate), hello_session_id(hello))


def _three_records(raw: bytes) -> tuple[bytes, bytes]:
    bodies: list[bytes] = []
    for kind in ANSWER_RECORDS:
        check_answer_header(raw[:5], kind)
        end = 5 + int.from_bytes(raw[3:5], "big")
        if len(raw) < end:
            raise AnswerError("the answer is cut short")
        bodies.append(raw[5:end])
        raw = raw[end:]
    server_hello, change_cipher_spec, certificate = bodies
    _require(change_cipher_spec == b"\x01", f"ChangeCipherSpec of {change_cipher_spec.hex()}")
    _require(not raw, f"{len(raw)} bytes after the third record")
    return server_hello, certificate


def check_answer_header(header: bytes, kind: int) -> None:
    """Check a record's first five bytes before the rest has come; raises AnswerError."""
    if len(header) < 5 or header[:3] != bytes([kind, 3, 3]):
        raise AnswerError(f"First part of response to hello is invalid: {header.hex()}")


def _read_server_hello(raw: bytes, message: bytes, certificate_bytes: int, session_id: bytes) -> ServerAnswer:
    """The exact layout: ``02 len24 0303 random sid_len sid suite 00`` and two extensions."""
    at = 39 + len(session_id)
    extensions = _read_extensions(message[at + 3 :])
    _require(message[:6] == b"\x02" + (len(message) - 4).to_bytes(3, "big") + b"\x03\x03", "not a ServerHello")
    _require(message[38:at] == bytes([len(session_id)]) + session_id, "the session id is not echoed")
    _require(message[at + 2 : at + 3] == b"\x00", "compression is not null")
    _require(set(extensions) == {0x2B, 0x33}, f"extensions: {extensions.keys()}")
    _require(extensions[0x2B] == b"\x03\x04", f"version {extensions[0x2B].hex()}")
    group, share = int.from_bytes(extensions[0x33][:2], "big"), extensions[0x33][4:]
    _require(len(share) == _SHARE_BYTES.get(group), f"a share of {len(share)} bytes of group {group:#06x}")
    _require(extensions[0x33][2:4] == len(share).to_bytes(2, "big"), "a share of another length than it says")
    return ServerAnswer(raw, message[6:38], session_id, message[at : at + 2], group, share, certificate_bytes)


def _read_extensions(data: bytes) -> dict[int, bytes]:
    _require(int.from_bytes(data[:2], "big") == len(data) - 2, "extensions of another length than they say")
    found: dict[int, bytes] = {}
    data = data[2:]
    while data:
        end = 4 + int.from_bytes(data[2:4], "big")
        _require(len(data) >= end and int.from_bytes(data[:2], "big") not in found, "malformed extensions")
        found[int.from_bytes(data[:2], "big")] = data[4:end]
        data = data[end:]
    return found


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise AnswerError(problem)


def is_x25519_public_key(key: bytes) -> bool:
    """Return whether these 32 bytes are on the curve, as half of all strings are, and not on its twist (RFC 7748)."""
    u = int.from_bytes(key, "little") & (1 << 255) - 1
    square = (u**3 + 486662 * u**2 + u) % _FIELD_PRIME
    return pow(square, (_FIELD_PRIME - 1) // 2, _FIELD_PRIME) in (0, 1)


def is_real_share(group: int, share: bytes) -> bool:
    """Return whether this can be a server's key share; of groups that servers rarely choose, all can."""
    if group in (X25519, X25519_MLKEM768):
        return is_x25519_public_key(share[-32:])
    if group == SECP256R1:
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), share)
        except ValueError:
            return False
    return True
