"""Direct connections, without a proxy."""

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
    """Connects directly.

    Args:
        resolver: Looks names up; None: the system's resolver. The caller closes it.
        socket_options: The socket options of each connection.
        prefer_ip: Whether a name's IPv4 or IPv6 addresses are tried first, or only one of the two. It doesn't apply to
            a `host` that is an IP address.
        logger: Gets debug messages about options that the kernel doesn't support.

    Raises:
        OptionError: An argument is invalid.
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
        # None stays None: socket options report what the system lacks to the first logger that they get.
        self._logger = None if logger is None else checked_logger(logger)
        self._silent = SilentAddresses()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        """Connect to a name or an IP address. All addresses of a name are tried (RFC 8305), but at most 32.

        An address that failed to answer within the last minute is tried last.

        Args:
            host: A name, or an IP address, optionally with a zone (fe80::1%eth0).
            port: 1 to 65535.
            timeout_seconds: The limit for the whole dial, including the name lookup.

        Returns:
            A connected, non-blocking socket with this network's options.

        Raises:
            TargetUnreachableError: The port is invalid.
            OSError: No address could be connected; the error is that of the last one.
            TimeoutError: `timeout_seconds` have passed.
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

        All failures of a request, including those of the connection, are an `httpx2.HTTPError`.

        Args:
            dial: Makes the connections and looks up names; None: this network.
            timeout_seconds: The limit for each of connecting, a read and a write, not for a whole request; above 0, up
                to an hour.
            ssl_context: Defines the trusted certificates; None: the system's authorities. Its ALPN protocols get
                overwritten.

        Raises:
            OptionError: An argument is invalid.
        """
        from .http import http_client

        return http_client(dial or self.dial, timeout_seconds=timeout_seconds, ssl_context=ssl_context)

    def _of_which_kind(self) -> str:
        mode, _, version = self._prefer_ip.partition("-")
        return f" of {version}" if mode == "only" else ""
