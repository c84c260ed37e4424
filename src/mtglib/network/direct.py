"""Connections as the operating system makes them."""

import asyncio
import errno
import os
import socket
from contextlib import AbstractAsyncContextManager
from typing import Any

from ..endpoints import canonical_ip
from ..interfaces import Dial
from .resolve import SystemResolver


class Direct:
    """Dials straight away; names go through the system's resolver."""

    def __init__(self) -> None:
        self._resolver = SystemResolver()

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        """Connect to a name or an IP address; of a name every address is tried, in the resolver's order.

        Returns:
            A connected, non-blocking socket with Nagle's algorithm off.

        Raises:
            OSError: No address answered; the error is the last one's.
            TimeoutError: `timeout_seconds` are over.
        """
        if canonical_ip(host) is not None:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return await _connect(family, (host, port), timeout_seconds)
        loop = asyncio.get_running_loop()
        deadline_mono = loop.time() + timeout_seconds
        async with asyncio.timeout_at(deadline_mono):
            answers = await self._resolver.resolve(host, port)
        error: OSError = OSError(errno.EADDRNOTAVAIL, f"{host} has no address")
        for index, (family, address) in enumerate(answers):
            # A silent address leaves time for the next ones.
            share_seconds = (deadline_mono - loop.time()) / (len(answers) - index)
            try:
                return await _connect(family, address, share_seconds)
            except OSError as refused:
                error = refused
        raise error

    def http_client(self, dial: Dial | None = None) -> AbstractAsyncContextManager[Any]:
        """Make an HTTP client (`httpx2.AsyncClient`) that dials with `dial`, by default with this network.

        Raises:
            ImportError: httpx2 isn't installed (`pip install mtg-proxy[http]`).
        """
        from .http import http_client

        return http_client(dial or self.dial)


async def _connect(family: int, address: Any, timeout_seconds: float) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(address)
        if code == errno.EINPROGRESS:
            # A peer on this machine has answered by now; asking costs less than one turn of the event loop.
            code = sock.connect_ex(address)
        if code == errno.EALREADY:
            async with asyncio.timeout(timeout_seconds):
                await asyncio.get_running_loop().sock_connect(sock, address)
        elif code not in (0, errno.EISCONN):
            raise OSError(code, f"cannot connect to {address[0]} port {address[1]}: {os.strerror(code)}")
    except BaseException:
        sock.close()
        raise
    return sock
