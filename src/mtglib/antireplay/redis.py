"""An anti-replay cache for a fleet of proxies behind one address, which share it in Redis or Valkey.

A hello that one proxy has seen is a replay for the others. That takes one round trip: `SET key "" NX PX window` is
the look-up, the insertion and the expiry, and the server runs it at once for all.
"""

import asyncio
import math
import re
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

from ..errors import OptionError
from ..interfaces import AntiReplayCache, Logger
from ..part_check import check_part
from .checks import LONGEST_WINDOW_SECONDS, is_number, is_whole
from .look_up import LookUp
from .redis_url import checked_address
from .window import Window

if TYPE_CHECKING:
    import redis.asyncio

_PAUSE_SECONDS = 1.0
"""How long a server that failed is left alone. Longer than any call: none is left when it is tried again."""

_MOST_CONNECTIONS = 1024
_KEY_PREFIX = re.compile(r"[^\ud800-\udfff]{0,200}")  # what can be written as UTF-8


class Redis:
    """Remembers on a server for `window_seconds` what any of its users has seen.

    Each hello is looked up in `fallback`, in this process, first, and noted there: a hello that this proxy knows costs
    no round trip. While the server is away, or too slow, the fallback's answer is all there is. That is exact for
    what this proxy has seen, but what others see in this time is unknown to it, also later: such a hello can be
    sent again to each proxy once. Nobody is turned away because of a server.

    A server that fails is left alone for a second, then one hello tries it again, at the cost of at most
    `timeout_seconds`; all others are answered at once. The log has a warning with the server's address when it is lost
    and one line when it is back. `probe` finds out before the first hello does. A name is looked up for each new
    connection, in a thread that nobody waits for; of several addresses, the next is tried where one fails.

    The server holds no hello, but hashes of what it is asked about.

    It connects when it is first asked; `await close()` when the proxy is over, in the same event loop. It may be used
    from one event loop at a time.

    Args:
        url: redis://[user:password@]host[:port][/db], the same with rediss:// for TLS (with `?ssl_ca_certs=FILE` if
            the system doesn't know who signed its certificate), or unix:///path[?db=number]. The port is 6379 if there
            is none. What has a meaning in URLs is written with percent signs in a password.
        window_seconds: How long to remember, in seconds: 0.001 to 1e9; the server counts milliseconds.
        fallback: Asked first (default: `Window(window_seconds)`).
        logger: Who is told that the server can't be used, and that it can be again.
        timeout_seconds: How long a hello may wait for the server, connecting included, in seconds: above 0 and below 1,
            as the proxy's own patience is 1 s.
        key_prefix: What keys on the server begin with; the same for all proxies of a fleet. At most 200 characters.
        max_connections: To the server, 1 to 1024. What exceeds them waits, within `timeout_seconds`.
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
        self._address = checked_address(url)
        if not is_number(window_seconds, 0.001, LONGEST_WINDOW_SECONDS):
            raise OptionError("window_seconds", "seconds from 0.001 to 1e9", window_seconds)
        if fallback is not None:
            check_part("fallback", fallback, AntiReplayCache)
        if logger is not None:
            check_part("logger", logger, Logger)
        if not is_number(timeout_seconds, 0, 1) or timeout_seconds in (0, 1):
            raise OptionError("timeout_seconds", "seconds above 0 and below 1", timeout_seconds)
        _check_key_prefix(key_prefix)
        if not is_whole(max_connections, 1, _MOST_CONNECTIONS):
            raise OptionError("max_connections", f"a number from 1 to {_MOST_CONNECTIONS}", max_connections)
        if not callable(clock):
            raise OptionError("clock", "a function that returns monotonic seconds", clock)
        _check_package()
        self._url = url
        self._window_seconds = window_seconds
        self._window_ms = math.ceil(window_seconds * 1000)
        self._fallback = Window(window_seconds) if fallback is None else fallback
        self._logger = logger
        self._timeout_seconds = timeout_seconds
        self._key_prefix = key_prefix
        self._max_connections = max_connections
        self._clock = clock
        self._look_up = LookUp()
        self._client: redis.asyncio.Redis | None = None
        self._client_loop: asyncio.AbstractEventLoop | None = None
        self._has_answered = False
        self._is_away = False
        self._retry_at_mono = 0.0

    @property
    def window_seconds(self) -> float:
        """How long it remembers."""
        return self._window_seconds

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

    async def probe(self) -> bool:
        """Tell whether the server does its work, within `timeout_seconds`; the log has a warning if it doesn't.

        It is asked about some random bytes, as about a hello: what may only be read from isn't good enough.
        """
        await self.seen_before(token_bytes(32))
        return self.persistent

    async def close(self) -> None:
        """Close the connections, which takes at most `timeout_seconds`. What is asked later opens new ones."""
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

        from .redis_connection import look_names_up

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
        look_names_up(pool, self._look_up)
        return Redis.from_pool(pool)

    def _lost(self, error: Exception) -> None:
        if self._is_away:
            return
        self._is_away = True
        self._retry_at_mono = self._clock() + _PAUSE_SECONDS
        if isinstance(error, TimeoutError) and not str(error):
            what = "nobody told its address" if self._look_up.is_under_way else "no answer"
            error = TimeoutError(f"{what} within {self._timeout_seconds:g} s")
        if self._logger is not None:
            with suppress(Exception):
                self._logger.warning(
                    f"the anti-replay server {self._address} can't be used, this proxy goes on by itself", error=error
                )

    def _answered(self, is_probe: bool) -> None:
        self._has_answered = True
        # Only a probe ends the pause, else each call of a busy server that just makes it would be a change to log.
        if is_probe and self._is_away:
            self._is_away = False
            if self._logger is not None:
                with suppress(Exception):
                    self._logger.info(f"the anti-replay server {self._address} can be used again")


def _check_key_prefix(value: Any) -> None:
    if not isinstance(value, str) or not _KEY_PREFIX.fullmatch(value):
        raise OptionError("key_prefix", "text of at most 200 characters", value)


def _check_package() -> None:
    try:
        import redis.asyncio  # noqa: F401  # loaded only by who uses it: it takes 100 ms
    except ImportError as error:
        raise OptionError("url", "the package redis to be installed: pip install 'mtg-proxy[redis]'") from error
