"""Slow visitors: a byte now and then, in pieces, with pauses."""

from __future__ import annotations

from collections.abc import Callable

from tools.probes.probe import Probe, Script, Visit, pause, sending

Pick = Callable[[Visit], bytes]


def _drip(pick: Pick, *, each_seconds: float, step_bytes: int = 1, after_seconds: float = 0.0) -> Script:
    async def script(visit: Visit) -> None:
        connection = await visit.connect()
        await pause(after_seconds)
        data = pick(visit)
        for start in range(0, len(data), step_bytes):
            await connection.send(data[start : start + step_bytes])
            if await connection.ended(each_seconds, by_reset=True) or connection.elapsed_seconds > visit.probe_seconds:
                return

    return script


def _in_two(pick: Pick, *, at: int, after_seconds: float, then_end: bool = False) -> Script:
    async def script(visit: Visit) -> None:
        connection = await visit.connect()
        data = pick(visit)
        await connection.send(data[:at])
        await pause(after_seconds)
        await connection.send(data[at:])
        if then_end:
            connection.end()

    return script


def _late(data: bytes, after_seconds: float) -> Script:
    async def script(visit: Visit) -> None:
        connection = await visit.connect()
        await pause(after_seconds)
        await connection.send(data)

    return script


def _late_end(data: bytes, after_seconds: float) -> Script:
    async def script(visit: Visit) -> None:
        connection = await visit.connect()
        await connection.send(data)
        await pause(after_seconds)
        connection.end()

    return script


_HTTP = b"GET / HTTP/1.0\r\n\r\n"
_ENDLESS_HTTP = b"GET / HTTP/1.1\r\nHost: front.example\r\nX: " + b"x" * 99
_START = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


def _slow(name: str, script: Script, **more: bool) -> Probe:
    return Probe(name=name, kind="pace", script=script, is_slow_to_show=True, **more)  # type: ignore[arg-type]


PROBES = [
    # No byte is sent when the site's time-out passes, or shortly after.
    _slow("loris-hello", _drip(Visit.foreign_hello, each_seconds=0.2, after_seconds=0.1)),
    _slow("loris-http", _drip(lambda _: _ENDLESS_HTTP, each_seconds=0.2, after_seconds=0.1)),
    _slow("drip-hello", _drip(Visit.foreign_hello, each_seconds=0.02, step_bytes=100)),
    _slow("drip-http", _drip(lambda visit: _HTTP, each_seconds=0.03)),
    *(
        _slow(
            f"hello-in-two-{at}-{milliseconds}ms",
            _in_two(Visit.foreign_hello, at=at, after_seconds=milliseconds / 1000),
        )
        for at in (1, 5, 600)
        for milliseconds in (20, 300)
    ),
    _slow("hello-in-two-fin", _in_two(Visit.foreign_hello, at=600, after_seconds=0.3, then_end=True)),
    _slow("silent-then-http", _late(_HTTP, 0.4)),
    _slow("silent-then-fin", _late_end(b"", 0.4)),
    _slow("half-then-fin", _late_end(_START, 0.4)),
    _slow("half-then-junk", _in_two(lambda visit: _START + visit.chance.randbytes(2000), at=11, after_seconds=0.4)),
    Probe(name="http-then-fin", kind="pace", script=_late_end(_HTTP, 0.4)),
    Probe(name="one-letter", kind="pace", script=sending(_HTTP[:1])),
]
