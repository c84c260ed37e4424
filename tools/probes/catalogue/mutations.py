"""A recorded hello of ours, with one bit flipped or cut short: at every byte."""

from __future__ import annotations

from support.client_hello import OLD_HELLO_BYTES, Shape
from tools.probes.probe import Probe, Script, Visit

_MODERN_BYTES = range(0, 1700, 17)  # its length varies, and is more than that
SHORT_STEP = 37
"""The short form tries one of this many places."""


def _flip(shape: Shape, at: int) -> Script:
    async def script(visit: Visit) -> None:
        hello = bytearray((await visit.shared.recorder.recording(f"flip {shape}", shape)).hello)
        hello[at] ^= 1 << (at * 5 % 8)
        connection = await visit.connect()
        await connection.send(bytes(hello))

    return script


def _truncation(shape: Shape, length_bytes: int, *, then_end: bool) -> Script:
    async def script(visit: Visit) -> None:
        hello = (await visit.shared.recorder.recording(f"truncation {shape}", shape)).hello
        connection = await visit.connect()
        await connection.send(hello[:length_bytes])
        if then_end:
            connection.end()

    return script


def _places(shape: Shape) -> range:
    return range(OLD_HELLO_BYTES) if shape == "old" else _MODERN_BYTES


SHAPES: tuple[Shape, ...] = ("old", "modern")

FLIPS = [
    Probe(
        name=f"flip-{shape}-{at}",
        kind="flip",
        script=_flip(shape, at),
        family=f"flip-{shape}",
        is_slow_to_show=at < 9,  # a length that is too large announces more than there is
        in_short=at % SHORT_STEP == 0 or at in (3, 4, 6, 7, 8, 38, 39, 42),
    )
    for shape in SHAPES
    for at in _places(shape)
]
TRUNCATIONS = [
    Probe(
        name=f"cut-{'fin' if then_end else 'held'}-{shape}-{length}",
        kind="truncation",
        script=_truncation(shape, length, then_end=then_end),
        family=f"cut-{'fin' if then_end else 'held'}-{shape}",
        is_slow_to_show=not then_end,
        in_short=length % SHORT_STEP == 1 or length in (0, 5, 6, 9, 11, 43, 516),
    )
    for then_end in (False, True)
    for shape in SHAPES
    for length in _places(shape)
]
