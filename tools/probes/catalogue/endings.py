"""Half-closes, and bytes after the end: the proxy's kernel has to do what the site's does."""

from __future__ import annotations

from collections.abc import Callable

from tools.probes.catalogue.hellos import NO_HELLO
from tools.probes.probe import Probe, Script, Visit, pause, sending

_HTTP = b"GET / HTTP/1.0\r\n\r\n"
_RESET_SECONDS = 1.0
_ORPHAN_SECONDS = 62.0  # Linux forgets a half-closed connection after tcp_fin_timeout, 60 s


async def _nothing(visit: Visit) -> None:
    await visit.connect()


async def _reset_then_http(visit: Visit) -> None:
    connection = await visit.connect()
    await connection.send(b"\x16\x03\x01\x02\x00\x01")
    connection.reset()
    connection.close()
    await sending(_HTTP)(visit)


def _after_end(start: bytes, more: bytes | Callable[[Visit], bytes], *, after_seconds: float, count: int = 1) -> Script:
    """Make the site close, wait for its FIN and `after_seconds` more; send more `count` times, and look for a RST."""

    async def script(visit: Visit) -> None:
        connection = await visit.connect()
        await connection.send(start)
        if not await connection.ended(visit.probe_seconds - 1.0):
            return
        for _ in range(count):
            await pause(after_seconds)
            await connection.send(more if isinstance(more, bytes) else more(visit))
        await connection.ended(_RESET_SECONDS, by_reset=True)

    return script


def _end_after_end(start: bytes) -> Script:
    """Make the site close, and answer its FIN with another: then nothing more may come."""

    async def script(visit: Visit) -> None:
        connection = await visit.connect()
        await connection.send(start)
        if await connection.ended(visit.probe_seconds - 1.0):
            connection.end()

    return script


def _junk(size_bytes: int) -> Callable[[Visit], bytes]:
    return lambda visit: visit.chance.randbytes(size_bytes)


_STARTS = {"no-hello": NO_HELLO, "http": _HTTP}

PROBES = [
    Probe(name="silent", kind="ending", script=_nothing, is_slow_to_show=True),
    Probe(name="silent-fin", kind="ending", script=sending(b"", then_end=True)),
    Probe(name="reset-then-http", kind="ending", script=_reset_then_http),
    *(
        Probe(
            name=f"{start}-fin-{name}",
            kind="ending",
            script=_after_end(_STARTS[start], more, after_seconds=after_seconds),
            watch_seconds=4.0,
        )
        for start in _STARTS
        for name, more, after_seconds in (
            ("1", b"x", 0.0),
            ("1-later", b"x", 0.1),
            ("20k", _junk(20_000), 0.0),
            ("20k-later", _junk(20_000), 0.1),
        )
    ),
    Probe(
        name="no-hello-fin-5-times",
        kind="ending",
        script=_after_end(NO_HELLO, b"x", after_seconds=0.05, count=5),
        watch_seconds=4.0,
    ),
    *(Probe(name=f"{start}-fin-fin", kind="ending", script=_end_after_end(data)) for start, data in _STARTS.items()),
]

MINUTE = [
    Probe(
        name=f"fin-minute-{name}",
        kind="minute",
        script=_after_end(NO_HELLO, more, after_seconds=_ORPHAN_SECONDS),
        watch_seconds=_ORPHAN_SECONDS + 4.0,
        in_short=False,
        most_tries=20,
    )
    for name, more in (("1", b"x"), ("20k", _junk(20_000)))
]
