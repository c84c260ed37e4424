"""Hellos that aren't from our clients, and what may follow one that isn't even TLS."""

from __future__ import annotations

import time

from support.client_hello import build_client_hello, hello_records, sign_hello
from tools.probes.probe import HOST, Probe, Visit, sending

NO_HELLO = b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00"
"""A handshake record with another message in it: sites answer with an alert, and close."""
_BAD_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(506)


def _own(visit: Visit, *, host: str = HOST, late_seconds: int = 0) -> bytes:
    """A hello with the proxy's own secret, and one thing wrong."""
    message = build_client_hello(host, random_bytes=visit.chance.randbytes)
    return hello_records(sign_hello(message, visit.shared.secret.key, int(time.time()) - late_seconds))


def _two_records(visit: Visit) -> bytes:
    wire = visit.foreign_hello()
    return hello_records(wire[5:], (1, 5, 600))


def _junk_behind(start: bytes, size_bytes: int) -> Probe:
    size = f"{size_bytes // 1000}k"
    return Probe(
        name=f"bad-hello+{size}" if start is _BAD_HELLO else f"no-hello+{size}",
        kind="hello",
        script=sending(lambda visit: start + visit.chance.randbytes(size_bytes)),
        in_short=False,
        space_seconds=0.03,
    )


PROBES = [
    Probe(name="other-secret", kind="hello", script=sending(Visit.foreign_hello)),
    Probe(name="other-secret-old", kind="hello", script=sending(lambda visit: visit.foreign_hello("old"))),
    Probe(name="other-secret-fin", kind="hello", script=sending(Visit.foreign_hello, then_end=True)),
    Probe(name="other-secret-records", kind="hello", script=sending(_two_records)),
    Probe(name="other-name", kind="hello", script=sending(lambda visit: _own(visit, host="other.example"))),
    Probe(name="hour-late", kind="hello", script=sending(lambda visit: _own(visit, late_seconds=3600))),
    Probe(name="hour-early", kind="hello", script=sending(lambda visit: _own(visit, late_seconds=-3600))),
    Probe(name="no-hello", kind="hello", script=sending(NO_HELLO)),
    Probe(name="bad-hello", kind="hello", script=sending(_BAD_HELLO)),
    Probe(name="alert", kind="hello", script=sending(b"\x15\x03\x01\x00\x02\x02\x28")),
    Probe(name="record-too-long", kind="hello", script=sending(b"\x16\x03\x01\xff\xff\x01\x00\x00")),
    Probe(name="sslv2", kind="hello", script=sending(b"\x80\x2e\x01\x03\x01" + bytes(43))),
    Probe(
        name="other-secret+junk",
        kind="hello",
        script=sending(lambda visit: visit.foreign_hello() + visit.chance.randbytes(300)),
    ),
    *(_junk_behind(start, size) for start in (NO_HELLO, _BAD_HELLO) for size in (20_000, 2_000_000)),
]
