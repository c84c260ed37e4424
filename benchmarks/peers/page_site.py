"""A site with one page, in full records of TLS 1.3, for a proxy to learn from."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Self

from benchmarks.peers.errors import RelayError
from benchmarks.peers.tls_context import site_context

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n"
_RECORD, _RECORDS = bytes(16_384), 128
_LOAD_TIMEOUT = 30.0


class PageSite:
    """Serves the page once; ``pause_seconds`` pass before each of its records."""

    def __init__(self, host: str, pause_seconds: float) -> None:
        self._context = site_context(host)
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
