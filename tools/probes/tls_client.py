"""A real TLS client (Python's OpenSSL) on a prober's connection, whose ending on the wire stays visible."""

from __future__ import annotations

import hashlib
import ssl
import warnings
from contextlib import suppress

from tools.probes.connection import Connection
from tools.probes.describe import text
from tools.probes.probe import HOST

_WRITE_BYTES = 65_536


def client_context(version: ssl.TLSVersion, protocols: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Return a context for this version only, even an obsolete one, which trusts any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # we want old versions
        context.minimum_version = version
        context.maximum_version = version
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


class TLSClient:
    """A session over a connection; ``received`` is the decrypted data, and ``end`` how the session ended."""

    def __init__(self, connection: Connection, context: ssl.SSLContext, *, name: str | None = HOST) -> None:
        self.connection = connection
        self.received = bytearray()
        self.end = "open"
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self.session = "nothing agreed"
        """What both sides have agreed on."""
        self._fed_bytes = 0

    async def handshake(self, seconds: float = 3.0) -> bool:
        """Shake hands; return whether that succeeded."""
        while True:
            try:
                self._tls.do_handshake()
                self.session = self._agreed()
                await self._flush()
                return True
            except ssl.SSLWantReadError:
                await self._flush()
            except ssl.SSLError as error:
                self.end = f"handshake failed: {error.reason}"
                await self._flush()
                return False
            if not await self._feed(seconds):
                self.end = "handshake unfinished"
                return False

    async def send(self, data: bytes) -> None:
        """Encrypt and send as much as the peer takes."""
        for start in range(0, len(data), _WRITE_BYTES):
            self._tls.write(data[start : start + _WRITE_BYTES])
            await self._flush()

    async def receive(self, seconds: float, *, at_least_bytes: int | None = None) -> None:
        """Read until the session ends, for this time at most, or until `at_least_bytes` have come."""
        deadline_seconds = self.connection.elapsed_seconds + seconds
        while self.end == "open":
            self._decrypt()
            if at_least_bytes is not None and len(self.received) >= at_least_bytes:
                return
            left_seconds = deadline_seconds - self.connection.elapsed_seconds
            if self.end == "open" and (left_seconds <= 0 or not await self._feed(left_seconds)):
                return

    async def close_notify(self) -> None:
        """Send a close_notify, and leave the connection open."""
        with suppress(ssl.SSLError):  # it also wants the peer's, but we don't wait for that
            self._tls.unwrap()
        await self._flush()

    def told(self) -> str:
        """Describe everything: the agreed session, the data, and the end of the session."""
        return f"{self.session}: {text(bytes(self.received))}; {self.end}"

    def _agreed(self) -> str:
        cipher, certificate = self._tls.cipher(), self._tls.getpeercert(binary_form=True) or b""
        return (
            f"{self._tls.version()} {cipher[0] if cipher else None} {self._tls.selected_alpn_protocol()} "
            f"certificate {hashlib.sha256(certificate).hexdigest()[:8]}"
        )

    def _decrypt(self) -> None:
        try:
            while data := self._tls.read(_WRITE_BYTES):
                self.received += data
            self.end = "close_notify"
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLEOFError:
            self.end = "no close_notify"
        except ssl.SSLError as error:
            self.end = f"broken: {error.reason}"

    async def _flush(self) -> None:
        await self.connection.send(self._outgoing.read())

    async def _feed(self, seconds: float) -> bool:
        """Take bytes that have come, or wait for some; return whether more may come."""
        connection = self.connection
        while len(connection.data) == self._fed_bytes:
            if connection.has_fin or connection.has_reset:
                if not self._incoming.eof:
                    self._incoming.write_eof()
                    return True
                return False
            if not await connection.changed(seconds):
                return False
        self._incoming.write(connection.data[self._fed_bytes :])
        self._fed_bytes = len(connection.data)
        return True
