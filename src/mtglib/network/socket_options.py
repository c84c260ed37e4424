"""The socket options of TCP connections.

On Linux, accepted connections inherit the listener's options, at no cost for each. Options that a peer could notice
aren't set on a listener: a visitor of the fronting site would see probes or time-outs that the site's own connections
don't have.
"""

from __future__ import annotations

import errno
import math
import socket
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from ..ground.checks import check_congestion_control, check_int, check_kind, check_seconds
from ..ground.guarded_logger import GuardedLogger
from ..interfaces import Logger

_MAX_INT: Final = 2**31 - 1
_MAX_KEEP_ALIVE_SECONDS: Final = 32_767  # the most that Linux accepts
_MAX_KEEP_ALIVE_COUNT: Final = 127
_NEVER: Final = frozenset((errno.ENOPROTOOPT, errno.EOPNOTSUPP, errno.ENOENT, errno.EPERM, errno.EACCES, errno.EINVAL))
_NOT_ON_LISTENERS: Final = frozenset(("SO_KEEPALIVE", "TCP_USER_TIMEOUT", "TCP_CONGESTION"))
_UNKNOWN: Final = -1  # for an option that this Python doesn't know; no kernel accepts it


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAlive:
    """Keep-alive probes on an idle connection, which detect that the peer is gone.

    Attributes:
        idle_seconds: Idle time before the first probe; up to 32767, rounded up to whole seconds.
        interval_seconds: Time between probes; up to 32767, rounded up to whole seconds.
        count: The number of unanswered probes that ends the connection; 1 to 127.

    Raises:
        OptionError: A value is out of bounds.
    """

    idle_seconds: float = 15.0
    interval_seconds: float = 15.0
    count: int = 9

    def __post_init__(self) -> None:
        for name in ("idle_seconds", "interval_seconds"):
            check_seconds(name, getattr(self, name), _MAX_KEEP_ALIVE_SECONDS)
        check_int("count", self.count, _MAX_KEEP_ALIVE_COUNT)


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketOptions:
    """Options of a TCP socket. Nagle's algorithm is always off. None leaves an option at the system's default.

    Attributes:
        keep_alive: Keep-alive probes on idle connections; None: no probes.
        user_timeout_seconds: A connection ends when its peer acknowledges no data, or has no buffer space, for this
            long. It overrides `KeepAlive.count`: Linux then uses this time instead.
        not_sent_low_water_bytes: A socket accepts new data only while fewer bytes than this wait to be sent.
        congestion_control: The congestion control algorithm, by the kernel's name for it.

    Raises:
        OptionError: A value is out of bounds.
    """

    keep_alive: KeepAlive | None = field(default_factory=KeepAlive)
    user_timeout_seconds: float | None = None
    not_sent_low_water_bytes: int | None = 128 * 1024
    congestion_control: str | None = "bbr"
    _calls: tuple[tuple[str, int, int, int | bytes], ...] = field(init=False, repr=False, compare=False)
    _lacking: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    _untold: dict[str, OSError] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.keep_alive is not None:
            check_kind("keep_alive", self.keep_alive, KeepAlive)
        if self.user_timeout_seconds is not None:
            check_seconds("user_timeout_seconds", self.user_timeout_seconds, _MAX_INT / 1000)
        if self.not_sent_low_water_bytes is not None:
            check_int("not_sent_low_water_bytes", self.not_sent_low_water_bytes)
        check_congestion_control("congestion_control", self.congestion_control)
        calls = tuple((name, level, getattr(socket, name, _UNKNOWN), value) for name, level, value in self._wanted())
        object.__setattr__(self, "_calls", calls)

    def apply(self, sock: socket.socket, logger: Logger | None = None) -> None:
        """Set all options on a TCP socket, whether it is connected, listening or new.

        On a listening socket only the keep-alive times are set, for the connections on which `ProxyOpts.keep_alive`
        switches keep-alive on. Keep-alive itself, the user time-out and congestion control are left as they are;
        `ProxyOpts.congestion_control` sets the latter for the same connections. Sockets that aren't TCP are left
        unchanged.

        An option that the kernel doesn't support is skipped, and not tried again. The first `logger` that is given gets
        one debug message about it.

        Raises:
            OSError: The socket is closed or broken.
        """
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            self._set(sock, _NOT_ON_LISTENERS if listens else frozenset(), logger)

    def apply_to_new(self, sock: socket.socket, logger: Logger | None) -> None:
        """Do the same as `apply` for a new TCP socket that is neither listening nor connected yet."""
        self._set(sock, frozenset(), logger)

    def _set(self, sock: socket.socket, skipped: Collection[str], logger: Logger | None) -> None:
        for name, level, option, value in self._calls:
            if name in self._lacking or name in skipped:
                continue
            try:
                sock.setsockopt(level, option, value)
            except OSError as error:
                if error.errno not in _NEVER:
                    raise
                self._lacking.add(name)
                self._untold[name] = error.with_traceback(None)  # the traceback would keep the socket alive
        if self._untold and logger is not None:
            self._tell(logger)

    def _tell(self, logger: Logger) -> None:
        for name in list(self._untold):  # threads may share these options
            error = self._untold.pop(name, None)
            if error is not None:
                GuardedLogger(logger).debug(f"this system doesn't support {name}; it is not set", error=error)

    def _wanted(self) -> list[tuple[str, int, int | bytes]]:
        tcp = socket.IPPROTO_TCP
        calls: list[tuple[str, int, int | bytes]] = [("TCP_NODELAY", tcp, 1)]
        if (probes := self.keep_alive) is not None:
            calls += [
                ("SO_KEEPALIVE", socket.SOL_SOCKET, 1),
                ("TCP_KEEPIDLE", tcp, math.ceil(probes.idle_seconds)),
                ("TCP_KEEPINTVL", tcp, math.ceil(probes.interval_seconds)),
                ("TCP_KEEPCNT", tcp, probes.count),
            ]
        if self.user_timeout_seconds is not None:
            calls.append(("TCP_USER_TIMEOUT", tcp, math.ceil(self.user_timeout_seconds * 1000)))
        if self.not_sent_low_water_bytes is not None:
            calls.append(("TCP_NOTSENT_LOWAT", tcp, self.not_sent_low_water_bytes))
        if (name := self.congestion_control) is not None:
            calls.append(("TCP_CONGESTION", tcp, name.encode()))
        return calls


DEFAULT_SOCKET_OPTIONS: Final = SocketOptions()
"""The default of `Direct`."""
