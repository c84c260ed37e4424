"""What is said over TLS to get a page: HTTP/1.1, or HTTP/2 where the site prefers it, as it does with browsers."""

from __future__ import annotations

from typing import Final, Protocol

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

from ..errors import UpstreamError
from ..page_urls import Page

PROTOCOLS: Final = ("h2", "http/1.1")
"""By their names in TLS, the one that is preferred first."""

_Codes = h2.settings.SettingCodes
_HEADER_TABLE_BYTES: Final = 65_536
_SETTINGS: Final = {
    _Codes.HEADER_TABLE_SIZE: _HEADER_TABLE_BYTES,
    _Codes.ENABLE_PUSH: 0,
    _Codes.INITIAL_WINDOW_SIZE: 6_291_456,
    _Codes.MAX_HEADER_LIST_SIZE: 262_144,
}
_WINDOW_UPDATE_BYTES: Final = 15_663_105
"""Both as Chrome's: a site's frames depend on them, and its first one tells the table's size. The windows are more than
is loaded of a page, so that the site never waits for us."""

_FIELDS: Final = {"user-agent": "Mozilla/5.0", "accept": "*/*", "accept-encoding": "gzip, deflate, br"}


class PageExchange(Protocol):
    """A request and its response.

    Attributes:
        request: What to send first.
        has_begun: Whether some of the response has come.
        is_over: Whether all of it has come; False if the protocol's end isn't looked for.
    """

    request: bytes
    has_begun: bool
    is_over: bool

    def take(self, content: bytes) -> bytes:
        """Take what has come; return what to send.

        Raises:
            UpstreamError: That isn't a page.
        """
        ...


class HTTP1Exchange:
    """A `PageExchange` in HTTP/1.1."""

    def __init__(self, page: Page) -> None:
        fields = "".join(f"{name}: {value}\r\n" for name, value in _FIELDS.items())
        lines = f"GET {page.target} HTTP/1.1\r\nhost: {page.host}\r\n{fields}connection: keep-alive\r\n\r\n"
        self.request = lines.encode("ascii")
        self.has_begun = self.is_over = False
        self._start = b""

    def take(self, content: bytes) -> bytes:
        """See `PageExchange.take`."""
        self.has_begun = self.has_begun or bool(content)
        self._start = (self._start + content)[:12]
        if len(self._start) == 12:
            _check_status(self._start.removeprefix(b"HTTP/1.1 "))
        return b""


class HTTP2Exchange:
    """A `PageExchange` in HTTP/2."""

    def __init__(self, page: Page) -> None:
        self._connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self._connection.local_settings = h2.settings.Settings(client=True, initial_values=_SETTINGS)
        self._connection.decoder.max_allowed_table_size = _HEADER_TABLE_BYTES  # it learns of changes only
        self._connection.initiate_connection()
        self._connection.increment_flow_control_window(_WINDOW_UPDATE_BYTES)
        named = {":method": "GET", ":authority": page.host, ":scheme": "https", ":path": page.target, **_FIELDS}
        self._connection.send_headers(1, list(named.items()), end_stream=True)
        self.request = self._connection.data_to_send()
        self.has_begun = self.is_over = False

    def take(self, content: bytes) -> bytes:
        """See `PageExchange.take`."""
        try:
            events = self._connection.receive_data(content)
        except h2.exceptions.ProtocolError as error:
            raise UpstreamError(f"broken HTTP/2: {type(error).__name__}") from error
        for event in events:
            if isinstance(event, h2.events.ResponseReceived):
                self.has_begun = True
                _check_status(dict(event.headers or ()).get(b":status", b""))
            elif isinstance(event, h2.events.StreamEnded):
                self.is_over = True
            elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                raise UpstreamError("the site has ended the session")
        return self._connection.data_to_send()


def _check_status(status: bytes) -> None:
    if not (len(status) == 3 and status.isdigit() and status.startswith(b"2")):
        raise UpstreamError(f"expected HTTP with status 200, got {status.decode('ascii', 'replace')!r}")
