"""An anti-replay cache for a fleet of proxies behind one address, which share it in Redis or Valkey.

A hello that one proxy has seen is a replay for the others. That takes one round trip: `SET key "" NX PX window` is
the look-up, the insertion and the expiry, and the server runs it at once for all.
"""

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from ..errors import OptionError
from ..interfaces import AntiReplayCache, Logger
from .window import Window

if TYPE_CHECKING:
    import redis.asyncio

_PAUSE_SECONDS = 1.0
"""How long a server that failed is left alone. Longer than any call: none is left when it is tried again."""

_URL = "redis://[user:password@]host[:port][/db], the same with rediss:// for TLS, or unix:///path[?db=number]"
_SCHEMES = ("redis", "rediss", "unix")
_URL_OPTIONS = {"db", "ssl_ca_certs"}
_LONGEST_WINDOW_SECONDS = 1e9


class Redis:
    """Remembers on a server for `window_seconds` what any of its users has seen.

    Each hello is looked up in `fallback`, in this process, first, and noted there: a hello that this proxy knows costs
    no round trip. While the server is away, or too slow, the fallback's answer is all there is. That is exact for
    what this proxy has seen, but what others see in this time is unknown to it, also later: such a hello can be
    sent again to each proxy once. Nobody is turned away because of a server.

    A server that fails is left alone for a second, then one hello tries it again, at the cost of at most
    `timeout_seconds`; all others are answered at once. The log has a warning when it is lost and one line when it
    is back.

    The server holds no hello, but hashes of what it is asked about. It may be used from one event loop at a time.

    Args:
        url: redis://[user:password@]host[:port][/db], the same with rediss:// for TLS (with `?ssl_ca_certs=FILE` if
            the system doesn't know who signed its certificate), or unix:///path[?db=number].
        window_seconds: How long to remember, 0.001 to 1e9; the server counts milliseconds.
        fallback: Asked first (default: `Window(window_seconds)`).
        logger: Who is told that the server is away, and that it is back.
        timeout_seconds: How long a hello may wait for the server, connecting included; below 1, as the proxy's own
            patience is 1 s.
        key_prefix: What keys on the server begin with; the same for all proxies of a fleet.
        max_connections: To the server; at least 1. What exceeds them waits, within `timeout_seconds`.
        clock: Returns monotonic seconds.

    Raises:
        OptionError: A value can't work, or the package redis is missing.
    """

    def __init__(
        self,
        url: str,
        window_seconds: float,
        *,
        fallback: AntiReplayCache | None = None,
        logger: Logger | None = None,
        timeout_seconds: float = 0.25,
        key_prefix: str = "mtg:replay:",
        max_connections: int = 8,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _check_url(url)
        if not 0.001 <= window_seconds <= _LONGEST_WINDOW_SECONDS:
            raise OptionError("window_seconds", "seconds from 0.001 to 1e9", window_seconds)
        if not 0 < timeout_seconds < 1:
            raise OptionError("timeout_seconds", "seconds above 0 and below 1", timeout_seconds)
        if max_connections < 1:
            raise OptionError("max_connections", "a positive number", max_connections)
        _check_package()
        self._url = url
        self._window_ms = math.ceil(window_seconds * 1000)
        self._fallback = Window(window_seconds) if fallback is None else fallback
        self._logger = logger
        self._timeout_seconds = timeout_seconds
        self._key_prefix = key_prefix
        self._max_connections = max_connections
        self._clock = clock
        self._client: redis.asyncio.Redis | None = None
        self._client_loop: asyncio.AbstractEventLoop | None = None
        self._has_answered = False
        self._is_away = False
        self._retry_at_mono = 0.0

    @property
    def persistent(self) -> bool:
        """Whether a restart of this proxy forgets nothing: True from the server's first answer on, unless it is away.

        Until then nobody knows whether hellos from before the start were seen. A server that forgets what it has when
        it is restarted itself is outside of this.
        """
        return self._has_answered and not self._is_away

    async def seen_before(self, data: bytes) -> bool:
        """Tell whether `data` was seen within the window, by anyone who uses the server, and remember it if not."""
        if await self._fallback.seen_before(data):
            return True
        is_probe = self._is_away
        if is_probe:
            if self._clock() < self._retry_at_mono:
                return False
            self._retry_at_mono = self._clock() + _PAUSE_SECONDS  # before it waits: no other is to try meanwhile
        try:
            async with asyncio.timeout(self._timeout_seconds):
                is_new = await self._set(data)
        except Exception as error:  # a client library for a server that may send anything raises anything
            self._lost(error)
            return False
        self._answered(is_probe)
        return not is_new

    async def close(self) -> None:
        """Close the connections. What is asked later opens new ones."""
        client, self._client = self._client, None
        if client is not None and self._client_loop is asyncio.get_running_loop():
            with suppress(Exception):  # they are given up, whatever the server does
                async with asyncio.timeout(self._timeout_seconds):
                    await client.aclose()

    async def _set(self, data: bytes) -> bool:
        """Set the key of `data`; tell whether it was missing."""
        # A hash: short keys for whatever comes, and a server that has nothing of a hello.
        key = self._key_prefix + blake2b(data, digest_size=16).hexdigest()
        answer = await self._connected().set(key, b"", nx=True, px=self._window_ms)
        if answer is not True and answer is not None:
            raise ValueError("the server's answer is none that SET has")
        return answer is True

    def _connected(self) -> "redis.asyncio.Redis":
        """Return the running loop's client, which connects when it is used."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._client_loop is not loop:
            self._client, self._client_loop = self._new_client(), loop
        return self._client

    def _new_client(self) -> "redis.asyncio.Redis":
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        # No retries: if only the answer of a SET is lost, the second one would take an honest hello for a replay.
        pool = BlockingConnectionPool.from_url(
            self._url,
            max_connections=self._max_connections,
            timeout=self._timeout_seconds,
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,  # else it introduces itself, which is one more round trip
        )
        return Redis.from_pool(pool)

    def _lost(self, error: Exception) -> None:
        if self._is_away:
            return
        self._is_away = True
        self._retry_at_mono = self._clock() + _PAUSE_SECONDS
        if self._logger is not None:
            with suppress(Exception):
                self._logger.warning("the anti-replay server is away, this proxy goes on by itself", error=error)

    def _answered(self, is_probe: bool) -> None:
        self._has_answered = True
        # Only a probe ends the pause, else each call of a busy server that just makes it would be a change to log.
        if is_probe and self._is_away:
            self._is_away = False
            if self._logger is not None:
                with suppress(Exception):
                    self._logger.info("the anti-replay server is back")


def _check_url(url: str) -> None:
    """Raise OptionError, without a word of the URL, which may have a password."""
    try:
        parts = urlsplit(url)
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
        database = options.get("db", [parts.path.strip("/") if parts.scheme != "unix" else ""])[0] or "0"
        place = parts.path if parts.scheme == "unix" else parts.hostname
        is_right = parts.scheme in _SCHEMES and place and parts.port != 0 and options.keys() <= _URL_OPTIONS
    except ValueError:
        raise OptionError("url", _URL) from None
    if not is_right or not (database.isascii() and database.isdigit()):
        raise OptionError("url", _URL)


def _check_package() -> None:
    try:
        import redis.asyncio  # noqa: F401  # loaded only by who uses it: it takes 100 ms
    except ImportError as error:
        raise OptionError("url", "the package redis to be installed: pip install 'mtg-proxy[redis]'") from error
