"""Connections as the operating system makes them."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from contextlib import AbstractAsyncContextManager
from typing import Any, get_args

from ..constants import DEFAULT_PREFER_IP, PreferIP
from ..ground.checks import check_choice, check_kind
from ..ground.deadlines import within
from ..ground.endpoints import canonical_ip
from ..ground.guarded_logger import checked_logger
from ..ground.happy_eyeballs import SilentAddresses
from ..interfaces import Dial, Logger
from ..part_check import check_part
from .connecting import by_preference, connect, connect_first, numeric_answer
from .errors import TargetUnreachableError
from .resolve import Resolver
from .socket_options import DEFAULT_SOCKET_OPTIONS, SocketOptions
from .system_resolver import SystemResolver


class Direct:
    """Dials straight away.

    Args:
        resolver: Who knows the addresses of names; None: the system's resolver. Whoever made it closes it.
        socket_options: What is asked of the kernel for each connection.
        prefer_ip: Which addresses of a name are tried first, or at all. An IP address is dialled as it is given.
        logger: Told, as debug, what the kernel can't do.

    Raises:
        OptionError: An argument can't work.
    """

    def __init__(
        self,
        *,
        resolver: Resolver | None = None,
        socket_options: SocketOptions = DEFAULT_SOCKET_OPTIONS,
        prefer_ip: PreferIP = DEFAULT_PREFER_IP,
        logger: Logger | None = None,
    ) -> None:
        check_choice("prefer_ip", prefer_ip, get_args(PreferIP))
        if resolver is not None:
            check_part("resolver", resolver, Resolver)
        check_kind("socket_options", socket_options, SocketOptions)
        self._resolver: Resolver = SystemResolver() if resolver is None else resolver
        self._socket_options = socket_options
        self._prefer_ip: PreferIP = prefer_ip
        self._logger = None if logger is None else checked_logger(logger)  # options tell the first one that listens
        self._silent = SilentAddresses()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        """Connect to a name or an IP address; of a name every address is tried (RFC 8305), but at most 32.

        An address that was silent within the last minute is tried last.

        Args:
            host: A name, or an IP address, maybe with a zone (fe80::1%eth0).
            port: 1 to 65535.
            timeout_seconds: For all of it, the look-up included.

        Returns:
            A connected, non-blocking socket with this network's options.

        Raises:
            TargetUnreachableError: There is no such port.
            OSError: No address answered; the error is the last one's.
            TimeoutError: `timeout_seconds` are over.
        """
        if not 1 <= port <= 65535:
            raise TargetUnreachableError(f"{host} can't have a port {port}")
        if canonical_ip(host) is not None:
            return await connect(numeric_answer(host, port), timeout_seconds, self._socket_options, self._logger)
        loop = asyncio.get_running_loop()
        deadline_mono = loop.time() + timeout_seconds
        resolving = self._resolver.resolve(host, port)
        found = await within(timeout_seconds, resolving, what=f"{host} wasn't resolved")
        answers = by_preference(found, self._prefer_ip)
        if not answers:
            raise OSError(errno.EADDRNOTAVAIL, f"{host} has no address" + self._of_which_kind())
        left_seconds = deadline_mono - loop.time()
        return await connect_first(answers, left_seconds, self._socket_options, self._logger, self._silent)

    def http_client(
        self, dial: Dial | None = None, *, timeout_seconds: float = 10.0, ssl_context: ssl.SSLContext | None = None
    ) -> AbstractAsyncContextManager[Any]:
        """Make an HTTP client (`httpx2.AsyncClient`) that dials with `dial`, by default with this network.

        What goes wrong with a request, down to the connection, is an `httpx2.HTTPError`.

        Args:
            dial: Where connections come from; names are its business, too.
            timeout_seconds: For each of: connecting, a read, a write; above 0, up to an hour. Not for a request as a
                whole.
            ssl_context: Whom to trust; None: the system's authorities. Its ALPN protocols are set.

        Raises:
            OptionError: An argument can't work.
        """
        from .http import http_client

        return http_client(dial or self.dial, timeout_seconds=timeout_seconds, ssl_context=ssl_context)

    def _of_which_kind(self) -> str:
        mode, _, version = self._prefer_ip.partition("-")
        return f" of {version}" if mode == "only" else ""
