"""DNS over HTTPS (RFC 8484)."""

from __future__ import annotations

import asyncio
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx2

from ...interfaces import Dial
from ..http import http_client
from .message import DNSError, Query, RecordType

_MEDIA_TYPE: Final = "application/dns-message"
_MAX_ANSWER_BYTES: Final = 65_535
_HEADERS: Final = {"accept": _MEDIA_TYPE, "content-type": _MEDIA_TYPE, "accept-encoding": "identity"}


class DNSOverHTTPS:
    """Asks a server with POST, over HTTP/2 if possible, on persistent connections.

    Args:
        url: The server's URL.
        dial: Makes the connections.
        timeout_seconds: The limit for a query, including a new connection.
        ssl_context: Defines the trusted certificates; None: the system's authorities.
    """

    def __init__(self, url: str, dial: Dial, timeout_seconds: float, ssl_context: ssl.SSLContext | None) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._client = http_client(dial, timeout_seconds=timeout_seconds, ssl_context=ssl_context)
        # Cookies would let the server recognise us, and accumulate (RFC 8484, section 8.2).
        self._client.cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))

    async def ask(self, name: str, kind: RecordType) -> tuple[Query, bytes]:
        """Return a query and the answer to it.

        Raises:
            OSError, TimeoutError: There is no valid answer.
        """
        query = Query(name, kind, number=0, padded=True)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                try:
                    return query, await self._post(query.wire)
                except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError):
                    # This may be an idle connection that the server has closed, so try again with a new one.
                    return query, await self._post(query.wire)
        except httpx2.TimeoutException as error:
            raise TimeoutError(str(error)) from error
        except httpx2.HTTPError as error:
            raise DNSError(f"can't be asked: {error}") from error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _post(self, wire: bytes) -> bytes:
        request = self._client.build_request("POST", self._url, content=wire, headers=_HEADERS)
        response = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            if response.status_code != 200:
                raise DNSError(f"answers with HTTP status {response.status_code}")
            answer = bytearray()
            async for chunk in response.aiter_raw():
                answer += chunk
                if len(answer) > _MAX_ANSWER_BYTES:
                    raise DNSError(f"sent an answer of more than {_MAX_ANSWER_BYTES} bytes")
            return bytes(answer)
        finally:
            await response.aclose()
