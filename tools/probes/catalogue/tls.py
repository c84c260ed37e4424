"""Real TLS clients of all versions, and what they may do after the handshake."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from functools import partial

from tools.probes.describe import describe
from tools.probes.http2 import frames, get_request
from tools.probes.probe import HOST, Probe, Script, Visit, pause
from tools.probes.tls_client import TLSClient, client_context

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_WATCH_SECONDS = 4.0
_SMALL_BUFFER_BYTES = 4096
_SLOW_BUFFER_BYTES = 65_536

Then = Callable[[Visit, TLSClient], Awaitable[None]]


def _request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {HOST}",
        *headers,
        *([f"Content-Length: {len(body)}"] if body else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _ask(data: bytes, _: Visit, client: TLSClient) -> None:
    await client.send(data)


async def _hold(_: Visit, __: TLSClient) -> None:
    pass


async def _half_close(visit: Visit, client: TLSClient) -> None:
    client.connection.end()


async def _ask_and_half_close(visit: Visit, client: TLSClient) -> None:
    await client.send(_request("GET", "/"))
    client.connection.end()


async def _close_notify(visit: Visit, client: TLSClient) -> None:
    await client.close_notify()


async def _ask_and_go_on(visit: Visit, client: TLSClient) -> None:
    """Request the end of the connection, and send more when it has come."""
    await client.send(_request("GET", "/", "Connection: close"))
    await client.receive(2.0)
    await client.connection.ended(1.0)
    await client.connection.send(b"\x17\x03\x03\x00\x10" + bytes(16))
    await client.connection.ended(0.5, by_reset=True)


async def _ask_slowly(visit: Visit, client: TLSClient) -> None:
    """Send a byte now and then, but none when the site's time-out passes."""
    await pause(0.1)
    for byte in _request("GET", "/", "Connection: close", f"X: {'x' * 99}"):
        await client.send(bytes([byte]))
        if await client.connection.ended(0.2):
            return


async def _corrupt(visit: Visit, client: TLSClient) -> None:
    """Send a record that nobody can decrypt."""
    await client.connection.send(b"\x17\x03\x03\x00\x40" + bytes(64))


def _client(version: str, then: Then, *, name: str | None = HOST) -> Script:
    """Shake hands, do `then`, and read to the end; the records on the wire are described, too."""

    async def script(visit: Visit) -> None:
        client = TLSClient(await visit.connect(), client_context(_VERSIONS[version]), name=name)
        if await client.handshake():
            await then(visit, client)
            await client.receive(visit.probe_seconds - client.connection.elapsed_seconds)
        visit.told = f"{client.told()}; {describe(bytes(client.connection.data))}"

    return script


async def _http2(visit: Visit) -> None:
    client = TLSClient(await visit.connect(), client_context(_VERSIONS["1.3"], ("h2", "http/1.1")))
    if await client.handshake():
        await client.send(get_request(HOST, "/"))
        await client.receive(visit.probe_seconds - client.connection.elapsed_seconds)
        visit.told = f"{client.session}: {frames(bytes(client.received))}; {client.end}"
    else:
        visit.told = client.told()


async def _slow_reader(visit: Visit) -> None:
    """Read a large page in pieces, with pauses that leave the site waiting, but not for too long."""
    connection = await visit.connect(receive_buffer_bytes=_SLOW_BUFFER_BYTES, reading=False)
    connection.read(max_bytes=16_384, each_seconds=0.002)
    client = TLSClient(connection, client_context(_VERSIONS["1.3"]))
    if await client.handshake():
        await client.send(_request("GET", "/large.bin", "Connection: close"))
        await client.receive(visit.probe_seconds - connection.elapsed_seconds)
    visit.told = client.told()


async def _never_reads(visit: Visit) -> None:
    """Request a large page and read nothing: the site gives up after its time-out, which may be visible."""
    connection = await visit.connect(receive_buffer_bytes=_SMALL_BUFFER_BYTES)
    client = TLSClient(connection, client_context(_VERSIONS["1.3"]))
    if await client.handshake():
        connection.stop_reading()
        await client.send(_request("GET", "/large.bin"))
        await pause(visit.probe_seconds - connection.elapsed_seconds)
    visit.told = client.session


def _tls(name: str, then: Then, *, version: str = "1.3", in_short: bool = True) -> Probe:
    script = _client(version, then)
    return Probe(name=name, kind="tls", script=script, watch_seconds=_WATCH_SECONDS, in_short=in_short)


_GET_AND_CLOSE = _request("GET", "/", "Connection: close")

PROBES = [
    *(_tls(f"tls-{version}", partial(_ask, _GET_AND_CLOSE), version=version) for version in _VERSIONS),
    *(_tls(f"tls-{version}-idle", partial(_ask, _request("GET", "/")), version=version) for version in ("1.2", "1.3")),
    *(_tls(f"tls-{version}-hold", _hold, version=version) for version in ("1.2", "1.3")),
    *(_tls(f"tls-{version}-fin", _half_close, version=version) for version in ("1.2", "1.3")),
    _tls("tls-get-fin", _ask_and_half_close),
    _tls("tls-close-notify", _close_notify),
    _tls("tls-404", partial(_ask, _request("GET", "/missing", "Connection: close"))),
    _tls("tls-head", partial(_ask, _request("HEAD", "/", "Connection: close"))),
    _tls("tls-post", partial(_ask, _request("POST", "/", "Connection: close", body=bytes(1000)))),
    _tls("tls-post-3m", partial(_ask, _request("POST", "/", body=bytes(3_000_000))), in_short=False),
    _tls("tls-bad-request", partial(_ask, b"\x00\x01\x02\r\n\r\n")),
    _tls("tls-corrupt", _corrupt),
    _tls("tls-get-and-go-on", _ask_and_go_on),
    _tls("tls-loris", _ask_slowly),
    Probe(
        name="tls-no-name",
        kind="tls",
        script=_client("1.3", partial(_ask, _GET_AND_CLOSE), name=None),
        watch_seconds=4.0,
    ),
    Probe(name="http2", kind="tls", script=_http2, watch_seconds=_WATCH_SECONDS),
    Probe(name="slow-reader", kind="tls", script=_slow_reader, watch_seconds=8.0, in_short=False, most_tries=20),
    Probe(name="never-reads", kind="tls", script=_never_reads, watch_seconds=6.0, in_short=False),
]
