"""Other protocols, and random bytes."""

from __future__ import annotations

from collections.abc import Callable

from tools.probes.probe import Probe, Visit, sending

_HTTP = b"GET / HTTP/1.1\r\nHost: front.example\r\n\r\n"
_LINES = {
    "http": _HTTP,
    "http-1.0": b"GET / HTTP/1.0\r\n\r\n",
    "http-proxy": b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
    "http2-plain": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "smtp": b"EHLO front.example\r\n",
    "socks5": b"\x05\x01\x00",
    "socks4": b"\x04\x01\x01\xbb\x7f\x00\x00\x01\x00",
    "rdp": bytes.fromhex("030000130ee000000000000100080003000000"),
    "mtproto-abridged": b"\xef\x0a" + bytes(40),
    "mtproto-intermediate": b"\xee\xee\xee\xee\x28\x00\x00\x00" + bytes(40),
    "proxy-v1": b"PROXY TCP4 192.0.2.1 192.0.2.2 51000 443\r\n",
    "proxy-v2": b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes.fromhex("c0000201c0000202c73801bb"),
    "zeros": bytes(64),
    "newline": b"\n",
}

_JUNK_BYTES = (1, 2, 5, 11, 100, 517, 1000, 4096, 16_384, 20_000, 65_536, 200_000, 2_000_000)
_UNREAD_BYTES = 4_000
"""Beyond this, a site may close without reading everything, and then the ending depends on who is faster."""


def _junk(first: bytes, size_bytes: int) -> Callable[[Visit], bytes]:
    return lambda visit: first + visit.chance.randbytes(size_bytes - len(first))


def _before_hello(start: bytes) -> Callable[[Visit], bytes]:
    return lambda visit: start + visit.foreign_hello()


PROBES = [
    *(Probe(name=name, kind="protocol", script=sending(data)) for name, data in _LINES.items()),
    *(
        # The kernel's answer depends on whether the FIN has arrived when the site closes.
        Probe(name=f"{name}-fin", kind="protocol", script=sending(_LINES[name], then_end=True), in_short=False)
        for name in ("http", "ssh")
    ),
    *(
        Probe(
            name=f"{name}+hello",
            kind="protocol",
            script=sending(_before_hello(_LINES[name])),
        )
        for name in ("proxy-v1", "proxy-v2")
    ),
    Probe(name="obfuscated2", kind="protocol", script=sending(_junk(b"\x01", 105))),
    *(
        Probe(
            name=f"junk-{size}",
            kind="protocol",
            script=sending(_junk(b"\xff", size)),
            in_short=size < _UNREAD_BYTES,
            space_seconds=0.03 if size > 100_000 else 0.01,
        )
        for size in _JUNK_BYTES
    ),
    *(
        Probe(
            name=f"junk-any-{size}",
            kind="protocol",
            script=sending(_junk(b"", size)),
            is_slow_to_show=size < 6,  # it may be the beginning of a hello
            in_short=size < _UNREAD_BYTES,
            space_seconds=0.03 if size > 100_000 else 0.01,
        )
        for size in (1, 100, 1000, 200_000)
    ),
]
