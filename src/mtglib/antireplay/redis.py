"""An anti-replay cache for a fleet of proxies behind one address, which share it in Redis or Valkey.

A hello that one proxy has seen is a replay for the others. That takes one round trip: `SET key "" NX PX time` looks up,
inserts and sets the expiry, and the server runs it atomically.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
import warnings
from collections.abc import Callable, Sized
from contextlib import suppress
from hashlib import blake2b
from os import PathLike
from secrets import token_bytes
from typing import TYPE_CHECKING, Self

from ..errors import OptionError
from ..ground.affinity import Affinity
from ..ground.checks import as_directory, check_function, check_int, check_seconds, check_text
from ..ground.guarded_logger import checked_logger
from ..interfaces import AntiReplayCache, Logger
from ..part_check import check_part
from .exact import Exact
from .persistent_cache import HasPersistent
from .redis_url import checked_address
from .sending import Sending
from .server_addresses import ServerAddresses
from .unsent import RECORD_BYTES

if TYPE_CHECKING:
    import redis.asyncio

_PAUSE_SECONDS = 1.0
"""How long a server that failed is left alone: longer than any call, so that none is pending when it is tried again."""

_WEEK_SECONDS = 7 * 24 * 3600.0
_MOST_CONNECTIONS = 1024
_MAX_REMEMBER_SECONDS = 1e9
_MAX_TIMEOUT_SECONDS = 0.99
"""The proxy gives up after a second."""
_KEY_PREFIX = re.compile(r"[^\ud800-\udfff]{0,200}")  # any text that UTF-8 can encode


class Redis:
    """Shares an anti-replay cache between proxies; a Redis server remembers each hello for `remember_seconds`.

    Each hello is first looked up and noted in `fallback`, in this process: a hello that this proxy knows costs no round
    trip. While the server is down, too slow or full, only the fallback answers. It is exact for the hellos this proxy
    has seen, but doesn't know what other proxies see in this time. No client is rejected because of the server. When
    the server is back, the hellos seen meanwhile are sent to it, 2000 a second, so that the other proxies detect their
    replays, too.

    After a failure the server is left alone for 1 s. Then one hello tries it again and waits for at most
    `timeout_seconds`, while all others are answered immediately. The log has a warning with the server's address when
    it is lost and one line when it is back. Use `probe` to find out before the first hello does. The server's name is
    looked up for each new connection, in a background thread; if it has several addresses, they are tried in turn.

    The server stores no hellos, but hashes of them: about 165 bytes of memory each. Set its `maxmemory-policy` to
    `noeviction`: with any other policy it evicts keys too early when its memory is full, and forgets hellos.

    It connects at the first hello. Await `load()` before the proxy serves and `close()` after it, in the same event
    loop, or use `async with`. Use it from one event loop at a time.

    Args:
        url: redis://[user:password@]host[:port][/db], the same with rediss:// for TLS (with `?ssl_ca_certs=FILE` if the
            system doesn't trust the certificate's issuer), or unix:///path[?db=number]. The default port is 6379.
            Special characters in a password are percent-encoded.
        window_seconds: Deprecated, has no effect.
        remember_seconds: How long the server remembers a hello, in seconds: 0.001 to 1e9, with a resolution of 1 ms.
        fallback: Asked first; the caller loads and closes it. None: an `Exact` with the next two arguments.
        max_entries: The most hellos to remember in this process, and the most that may wait for the server; see
            `Exact`.
        directory: Where to store both; see `Exact`. None: in memory only.
        logger: Gets a warning when the server becomes unavailable, and a message when it is back.
        timeout_seconds: How long a hello may wait for the server, connecting included, in seconds: above 0, up to 0.99,
            since the proxy itself waits for 1 s.
        key_prefix: The prefix of the keys on the server; the same for all proxies of a fleet. At most 200 characters.
        max_connections: The most connections to the server, 1 to 1024. Beyond that, hellos wait, within
            `timeout_seconds`.
        clock: Returns monotonic seconds.

    Raises:
        OptionError: A value is invalid, or the package redis isn't installed.
    """

    successor: AntiReplayCache | None = None

    def __init__(
        self,
        url: str,
        window_seconds: float | None = None,
        *,
        remember_seconds: float = _WEEK_SECONDS,
        fallback: AntiReplayCache | None = None,
        max_entries: int = 1_000_000,
        directory: str | PathLike[str] | None = None,
        logger: Logger | None = None,
        timeout_seconds: float = 0.25,
        key_prefix: str = "mtg:replay:",
        max_connections: int = 8,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if window_seconds is not None:
            text = "window_seconds is deprecated and has no effect, use remember_seconds"
            warnings.warn(text, DeprecationWarning, stacklevel=2)
        self._address = checked_address(url)
        check_seconds("remember_seconds", remember_seconds, _MAX_REMEMBER_SECONDS, least=0.001)
        if fallback is not None:
            check_part("fallback", fallback, AntiReplayCache)
        check_seconds("timeout_seconds", timeout_seconds, _MAX_TIMEOUT_SECONDS)
        check_text("key_prefix", key_prefix, _KEY_PREFIX, "text of at most 200 characters")
        check_int("max_connections", max_connections, _MOST_CONNECTIONS)
        check_function("clock", clock, "monotonic seconds")
        _check_package()
        place = as_directory("directory", directory)
        own = Exact(max_entries=max_entries, directory=place, logger=logger)
        self._own = own if fallback is None else None
        self._fallback: AntiReplayCache = own if fallback is None else fallback
        self._url = url
        self._remember_ms = math.ceil(remember_seconds * 1000)
        self._logger = checked_logger(logger)
        self._timeout_seconds = timeout_seconds
        self._key_prefix = key_prefix
        self._max_connections = max_connections
        self._clock = clock
        self._addresses = ServerAddresses()
        self._client: redis.asyncio.Redis | None = None
        self._affinity: Affinity | None = None
        self._is_away = False
        self._retry_at_mono = 0.0
        self._sending = Sending(self._send, max_entries, place and place / "unsent", self._logger)

    def __len__(self) -> int:
        """The number of hellos remembered in this process, if `fallback` reports it."""
        return len(self._fallback) if isinstance(self._fallback, Sized) else 0

    def __bool__(self) -> bool:
        """A cache that knows nothing is a cache."""
        return True

    @property
    def reach_seconds(self) -> float:
        """The age in seconds of the oldest remembered hello, if `fallback` reports it."""
        return float(getattr(self._fallback, "reach_seconds", 0.0))

    @property
    def unsent(self) -> int:
        """The number of hellos that wait for the server to come back."""
        return self._sending.waiting

    async def seen_before(self, data: bytes) -> bool:
        """Return whether any proxy that uses the server has seen `data`, and remember it if not."""
        if self.successor is not None:
            return await self.successor.seen_before(data)
        if await self._fallback.seen_before(data):
            return True
        # A hash makes short keys of any data, and the server learns nothing about a hello.
        record = blake2b(data, digest_size=RECORD_BYTES).digest()
        is_probe = self._is_away
        if is_probe:
            if self._clock() < self._retry_at_mono:
                self._sending.add(record)
                return False
            self._retry_at_mono = self._clock() + _PAUSE_SECONDS  # before waiting: no other hello may try meanwhile
        try:
            async with asyncio.timeout(self._timeout_seconds):
                is_new = await self._set(record, self._remember_ms)
        except Exception as error:  # a server may send anything, so its client library may raise anything
            self._lost(error)
            self._sending.add(record)
            return False
        except asyncio.CancelledError:  # the caller was cancelled; whether the server has it is unknown
            self._sending.add(record)
            raise
        self._answered(is_probe)
        return not is_new

    async def probe(self) -> bool:
        """Return whether the server works, within `timeout_seconds`; log a warning if it doesn't.

        It sets a random key for a second: a read-only server isn't enough.
        """
        is_probe = self._is_away
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._set(token_bytes(RECORD_BYTES), 1000)
        except Exception as error:  # as above
            self._lost(error)
            return False
        self._answered(is_probe)
        return True

    async def load(self) -> None:
        """Read the directory, and store new hellos there from now on; see `Exact.load`.

        Raises:
            OptionError: Another process is using the directory. The cache goes on in memory only.
        """
        if self._own is not None:
            await self._own.load()
        await self._sending.load()

    @property
    def persistent(self) -> Exact | None:
        """The memory of this process, unless it is the caller's."""
        return self._own

    async def take_over(self, earlier: HasPersistent) -> None:
        """Continue what another cache has remembered; see `Exact.take_over`.

        Hellos that still wait for the server of another `Redis` with the same directory will be sent to this one's.
        """
        if isinstance(earlier, Redis):
            await earlier._sending.close()  # noqa: SLF001  # of the same class
        await self._sending.load()
        if self._own is not None:
            await self._own.take_over(earlier)
        earlier.successor = self

    async def close(self) -> None:
        """Close connections and files, within about a second. A later call opens new connections."""
        await asyncio.gather(self._sending.close(), *([self._own.close()] if self._own is not None else []))
        client, self._client = self._client, None
        if client is not None and self._affinity is not None and self._affinity.is_here:
            with suppress(Exception):  # the connections are given up, whatever the server does
                async with asyncio.timeout(self._timeout_seconds):
                    await client.aclose()

    async def __aenter__(self) -> Self:
        await self.load()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def _set(self, record: bytes, for_ms: int) -> bool:
        """Set a key; tell whether it was missing."""
        answer = await self._connected().set(self._key_prefix + record.hex(), b"", nx=True, px=for_ms)
        if answer is not True and answer is not None:
            raise ValueError("the server's reply to SET makes no sense")
        return answer is True

    async def _send(self, records: list[bytes]) -> bool:
        """Set keys, whether they are there or not; tell whether all are."""
        is_probe = self._is_away
        try:
            async with asyncio.timeout(_PAUSE_SECONDS):
                pipeline = self._connected().pipeline(transaction=False)
                for record in records:
                    key = self._key_prefix + record.hex()
                    pipeline.set(key, b"", px=self._remember_ms)  # type: ignore[unused-awaitable]
                await pipeline.execute()
        except Exception as error:  # as above
            self._lost(error)
            return False
        self._answered(is_probe)
        return True

    def _connected(self) -> redis.asyncio.Redis:
        """Return the running loop's client, which connects when it is used."""
        if self._client is None or self._affinity is None or not self._affinity.is_here:
            self._client, self._affinity = self._new_client(), Affinity("client")
        return self._client

    def _new_client(self) -> redis.asyncio.Redis:
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
            driver_info=None,  # otherwise it introduces itself, which costs a round trip
        )
        look_names_up(pool, self._addresses)
        return Redis.from_pool(pool)

    def _lost(self, error: Exception) -> None:
        if self._is_away:
            return
        self._is_away = True
        self._retry_at_mono = self._clock() + _PAUSE_SECONDS
        if isinstance(error, TimeoutError) and not str(error):
            late = "its name wasn't resolved" if self._addresses.is_asked_for else "no answer"
            error = TimeoutError(f"{late} within {self._timeout_seconds:g} s")
        what = "can't be used"
        if type(error).__name__ == "OutOfMemoryError":
            what = "is full (its maxmemory is too small for what it has to remember)"
        self._logger.warning(
            f"the anti-replay server {self._address} {what}; using local memory until it is back", error=error
        )

    def _answered(self, is_probe: bool) -> None:
        # Only a probe ends the pause. Otherwise each answer of a server that is just fast enough would be logged.
        if is_probe and self._is_away:
            self._is_away = False
            self._logger.info(f"the anti-replay server {self._address} is usable again")


def _check_package() -> None:
    try:
        import redis.asyncio  # noqa: F401  # imported only when used: it takes 100 ms
    except ImportError as error:
        raise OptionError("redis", "its package to be installed (pip install redis)") from error
