"""Connections through a SOCKS5 proxy."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from ..ground.deadlines import LATE_SECONDS, within
from ..interfaces import Dial, Network
from ..part_check import check_part
from .errors import TargetUnreachableError
from .proxy_url import ProxyURL
from .socks5_messages import Conversation, connect, greet


class Socks5:
    """A network behind a SOCKS5 proxy, which also resolves the names.

    Args:
        url: `socks5://user:password@host:port`; the default port is 1080, user and password are percent-encoded. The
            circuit breaker's parameters are for `from_urls` and have no effect here.
        base: Makes the connections to the proxy.

    Raises:
        OptionError: An argument is invalid.
    """

    def __init__(self, url: str, *, base: Network) -> None:
        self._proxy = ProxyURL.parse(url)
        check_part("base", base, Network)
        self._base = base

    def __repr__(self) -> str:
        return f"Socks5({self._proxy.address})"

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        """Connect to `host` through the proxy.

        Args:
            host: A name, which the proxy resolves, or an IP address.
            port: 1 to 65535.
            timeout_seconds: The limit for the whole dial: connecting to the proxy, and the proxy connecting to the
                target.

        Returns:
            A connected, non-blocking socket, from which nothing was read beyond the proxy's reply.

        Raises:
            TargetUnreachableError: The proxy reports that the target can't be reached.
            OSError: The proxy can't be reached, refuses the request, or doesn't speak SOCKS5.
            TimeoutError: `timeout_seconds` have passed.
        """
        deadline_mono = asyncio.get_running_loop().time() + timeout_seconds
        failing = "can't be reached"
        try:
            sock = await self._reach(timeout_seconds)
            try:
                async with asyncio.timeout_at(deadline_mono):
                    failing = "doesn't answer"
                    await _converse(sock, greet(self._proxy.user, self._proxy.password))
                    failing = "can't reach the target"
                    await _converse(sock, connect(host, port))
            except BaseException:
                sock.close()
                raise
        except TimeoutError as error:
            why = f" ({error})" if str(error) else ""
            raise TimeoutError(
                f"SOCKS5 proxy {self._proxy.address} {failing} within {timeout_seconds:.3g} s{why}"
            ) from error
        except OSError as error:
            kind = TargetUnreachableError if isinstance(error, TargetUnreachableError) else OSError
            raise kind(f"SOCKS5 proxy {self._proxy.address}: {error}") from error
        return sock

    def http_client(self, dial: Dial | None = None) -> AbstractAsyncContextManager[Any]:
        """Make an HTTP client (`httpx2.AsyncClient`) that dials with `dial`, by default through the proxy."""
        from .http import http_client

        return http_client(dial or self.dial)

    async def _reach(self, timeout_seconds: float) -> socket.socket:
        try:
            dialling = self._base.dial(self._proxy.host, self._proxy.port, timeout_seconds=timeout_seconds)
            sock = await within(timeout_seconds, dialling, late_seconds=LATE_SECONDS)
        except TargetUnreachableError as error:
            # For the base, the proxy is the target.
            raise OSError(str(error)) from error
        sock.setblocking(False)  # a user's network may have forgotten to
        return sock


async def _converse(sock: socket.socket, conversation: Conversation) -> None:
    loop = asyncio.get_running_loop()
    exchange = next(conversation)
    with suppress(StopIteration):
        while True:
            if exchange.send:
                await loop.sock_sendall(sock, exchange.send)
            exchange = conversation.send(await _receive_exactly(sock, exchange.receive_bytes))


async def _receive_exactly(sock: socket.socket, count_bytes: int) -> bytes:
    loop = asyncio.get_running_loop()
    received = b""
    while len(received) < count_bytes:
        data = await loop.sock_recv(sock, count_bytes - len(received))
        if not data:
            raise ConnectionError("closed the connection during the handshake")
        received += data
    return received
