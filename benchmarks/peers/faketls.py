"""The client's side of the FakeTLS handshake: a new hello each time, and strict checks of the answer."""

from __future__ import annotations

import hmac
import socket
import time
from typing import NamedTuple

from benchmarks.peers.client_hello import RANDOM, SESSION_ID, unsigned_client_hello
from benchmarks.peers.errors import RelayError

CHANGE_CIPHER_SPEC = bytes.fromhex("140303000101")
_ANSWER_STARTS = (b"\x16\x03\x03", b"\x14\x03\x03", b"\x17\x03\x03")
_SERVER_HELLO_BYTES = (5 + 122, 5 + 1210)  # with a share of X25519, or of X25519MLKEM768
_RECV_BYTES = 16_384


class Secret(NamedTuple):
    """What a FakeTLS client knows about its proxy."""

    key: bytes
    host: str
    takes_long_hellos: bool = True
    """False for a proxy that knows no hello but the 517 bytes of 2019."""
    offers_ml_kem: bool = True
    """Whether long hellos have a share of X25519MLKEM768, as those of today's clients."""

    def hex(self) -> str:
        """The secret as an operator writes it."""
        return "ee" + self.key.hex() + self.host.encode("ascii").hex()


def shake_hands(sock: socket.socket, secret: Secret) -> None:
    """Send a hello and wait for the answer; the stream may start afterwards.

    Raises:
        RelayError: see `check_answer`.
    """
    hello = signed_client_hello(secret)
    sock.sendall(hello)
    check_answer(sock, secret, hello)


def check_answer(sock: socket.socket, secret: Secret, hello: bytes) -> int:
    """Wait for the answer to a hello; return its length.

    Raises:
        RelayError: the answer isn't three correct records with a correct digest, or more than that came.
    """
    answer = _read_answer(sock)
    if answer[SESSION_ID] != hello[SESSION_ID]:
        raise RelayError("the handshake's answer doesn't repeat the session id")
    received_digest, answer[RANDOM] = bytes(answer[RANDOM]), bytes(32)
    if received_digest != hmac.digest(secret.key, hello[RANDOM] + answer, "sha256"):
        raise RelayError("the handshake's answer has a wrong digest")
    return len(answer)


def signed_client_hello(secret: Secret) -> bytes:
    """A new hello: its ``random`` is the record's HMAC, with the time xored into the last four bytes."""
    hello = unsigned_client_hello(
        secret.host, is_short=not secret.takes_long_hellos, offers_ml_kem=secret.offers_ml_kem
    )
    digest = hmac.digest(secret.key, hello, "sha256")
    stamp = int.from_bytes(digest[28:], "little") ^ int(time.time())
    hello[RANDOM] = digest[:28] + stamp.to_bytes(4, "little")
    return bytes(hello)


def _read_answer(sock: socket.socket) -> bytearray:
    """Read exactly ServerHello, ChangeCipherSpec and one application data record."""
    answer, ends = bytearray(), [0]
    while len(ends) <= len(_ANSWER_STARTS):
        start = ends[-1]
        if len(answer) >= start + 5:
            if answer[start : start + 3] != _ANSWER_STARTS[len(ends) - 1]:
                raise RelayError(f"record {len(ends)} of the handshake's answer has a wrong type or version")
            end = start + 5 + int.from_bytes(answer[start + 3 : start + 5], "big")
            if len(answer) >= end:
                ends.append(end)
                continue
        chunk = sock.recv(_RECV_BYTES)
        if not chunk:
            raise RelayError(f"the proxy closed after {len(answer)} bytes of its handshake's answer")
        answer += chunk
    if ends[1] not in _SERVER_HELLO_BYTES or answer[ends[1] : ends[2]] != CHANGE_CIPHER_SPEC or len(answer) != ends[3]:
        raise RelayError("the handshake's answer has a record of a wrong size, or goes on after three records")
    return answer
