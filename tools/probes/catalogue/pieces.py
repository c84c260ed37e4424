"""Answers that are cut off by more bytes: a piece that ends the connection, and others so soon that they cross its end.

Over a wire, the next piece arrives while the site closes or just after: its kernel then answers with a RST.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tools.probes.catalogue.hellos import NO_HELLO
from tools.probes.probe import Probe, Script, Visit, pause

_Piece = bytes | Callable[[Visit], bytes]
_HTTP = b"GET / HTTP/1.0\r\n\r\n"
_DATA_RECORD = b"\x17\x03\x03\x00\x05hello"
_SESSION_ID_LENGTH_AT = 43


def _broken_hello(visit: Visit) -> bytes:
    """Return a hello that looks right up to the length of its session id."""
    hello = visit.foreign_hello()
    return hello[:_SESSION_ID_LENGTH_AT] + b"\xff" + hello[_SESSION_ID_LENGTH_AT + 1 :]


_PIECES: dict[str, Sequence[_Piece]] = {
    "http-more": (_HTTP, b"x" * 10),
    "http-http": (_HTTP, _HTTP),
    "http-in-two-more": (_HTTP[:7], _HTTP[7:], b"y" * 7),
    "no-hello-more": (NO_HELLO, b"x" * 20),
    "data-more": (_DATA_RECORD, b"x" * 20),
    "sslv2-more": (b"\x80" * 20, b"x" * 20),
    "hello-data-more": (Visit.foreign_hello, _DATA_RECORD, b"more"),
    "hello-data": (Visit.foreign_hello, _DATA_RECORD),
    "short-record-hello": (b"\x16\x03\x01\x00\x40", Visit.foreign_hello),
    "no-hello-40k": (lambda visit: NO_HELLO + visit.chance.randbytes(40_000),),
    "broken-hello-more": (_broken_hello, b"x" * 20),
    "broken-hello-40k": (lambda visit: _broken_hello(visit) + visit.chance.randbytes(40_000),),
    "http-100k": (lambda visit: _HTTP + visit.chance.randbytes(100_000),),
    "hello-data-60k": (lambda visit: visit.foreign_hello() + _DATA_RECORD + visit.chance.randbytes(60_000),),
}
_PAUSES_MS = (1, 5, 20)


def _in_pieces(pieces: Sequence[_Piece], pause_seconds: float) -> Script:
    async def script(visit: Visit) -> None:
        connection = await visit.connect()
        for number, piece in enumerate(pieces):
            if number:
                await pause(pause_seconds)
            await connection.send(piece if isinstance(piece, bytes) else piece(visit))

    return script


PROBES = [
    Probe(
        name=f"pieces-{name}-{milliseconds}ms" if len(pieces) > 1 else f"pieces-{name}",
        kind="pieces",
        script=_in_pieces(pieces, milliseconds / 1000),
        is_slow_to_show=name == "short-record-hello",
        in_short=False,
        space_seconds=0.03 if len(pieces) == 1 else 0.01,
    )
    for name, pieces in _PIECES.items()
    for milliseconds in (_PAUSES_MS if len(pieces) > 1 else _PAUSES_MS[:1])
]
