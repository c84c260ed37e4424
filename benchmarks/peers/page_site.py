"""A site with one page, in full records of TLS 1.3, for a proxy to learn from."""

from __future__ import annotations

import datetime
import socket
import ssl
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.peers.errors import RelayError

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n"
_RECORD, _RECORDS = bytes(16_384), 128
_LOAD_TIMEOUT = 30.0


class PageSite:
    """Serves the page once; ``pause_seconds`` pass before each of its records."""

    def __init__(self, host: str, pause_seconds: float) -> None:
        self._context = _context(host)
        self._pause_seconds = pause_seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._was_loaded = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""
        return int(self._listener.getsockname()[1])

    def wait_until_loaded(self) -> None:
        """Wait until somebody has loaded the page and left."""
        if not self._was_loaded.wait(_LOAD_TIMEOUT):
            raise RelayError(f"the proxy hasn't loaded its site's page within {_LOAD_TIMEOUT:g} s")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError), self._context.wrap_socket(self._listener.accept()[0], server_side=True) as connection:
            connection.recv(10_000)
            connection.send(_HEAD)
            for _ in range(_RECORDS):
                if self._pause_seconds:
                    time.sleep(self._pause_seconds)
                connection.send(_RECORD)
            connection.unwrap()
            self._was_loaded.set()


def _context(host: str) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    day = datetime.timedelta(days=1)
    certificate = builder.not_valid_before(now - day).not_valid_after(now + day).sign(key, hashes.SHA256())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        both = Path(folder) / "both.pem"
        both.touch(mode=0o600)
        both.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(both)
    return context
