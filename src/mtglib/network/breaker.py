"""A circuit breaker: stops using a network for a while after repeated failures."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

from ..ground.checks import check_function, check_int, check_seconds
from ..ground.guarded_logger import checked_logger
from ..interfaces import Dial, Logger, Network
from ..part_check import check_part
from .errors import CircuitOpenError, TargetUnreachableError

_NEARLY_ALL_OF_THE_TIME = 0.9
_MAX_THRESHOLD = 999_999


class CircuitBreaker:
    """A network that isn't used after several failures in a row, until a trial succeeds.

    Closed (the normal state), it lets every dial through. `open_threshold` failures in a row open it: every dial then
    raises a `CircuitOpenError` immediately. After `half_open_timeout_seconds` it lets one dial through as a trial:
    success closes the breaker, failure opens it again for the same time. A dial that is cancelled early doesn't count
    as a trial.

    Any exception of the network is a failure, including a time-out, except `TargetUnreachableError`: it shows that the
    network works and so counts as a success.

    Args:
        network: The network to protect.
        open_threshold: The number of failures in a row that opens the breaker; 1 to 999999.
        half_open_timeout_seconds: How long the breaker stays open before a trial; above 0, up to a year.
        reset_failures_timeout_seconds: After this long without a failure, earlier ones are forgotten; above 0, up to a
            year.
        logger: Gets one warning when the breaker opens, with the last failure; one info message when it closes; and a
            debug message for each failure before that and for each failed trial. The network's name is its repr.
        clock: Returns monotonic seconds.

    Raises:
        OptionError: An argument is invalid.
    """

    def __init__(
        self,
        network: Network,
        *,
        open_threshold: int = 5,
        half_open_timeout_seconds: float = 60.0,
        reset_failures_timeout_seconds: float = 10.0,
        logger: Logger | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_part("network", network, Network)
        check_int("open_threshold", open_threshold, _MAX_THRESHOLD)
        check_seconds("half_open_timeout_seconds", half_open_timeout_seconds)
        check_seconds("reset_failures_timeout_seconds", reset_failures_timeout_seconds)
        check_function("clock", clock, "seconds")
        self._network = network
        self._open_threshold = open_threshold
        self._half_open_timeout_seconds = half_open_timeout_seconds
        self._reset_failures_timeout_seconds = reset_failures_timeout_seconds
        self._logger = checked_logger(logger)
        self._clock = clock
        self._failures = 0
        self._failed_at_mono = 0.0
        self._opened_at_mono: float | None = None
        self._trial: object | None = None

    def __repr__(self) -> str:
        return f"CircuitBreaker({self._network!r})"

    @property
    def lets_through(self) -> bool:
        """Whether a dial would be let through now: the breaker is closed, or it is time for a trial."""
        if self._opened_at_mono is None:
            return True
        rested = self._clock() - self._opened_at_mono >= self._half_open_timeout_seconds
        return rested and self._trial is None

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        """Dial with the protected network, if the breaker lets the dial through.

        Raises:
            CircuitOpenError: The breaker is open.
            OSError, TimeoutError: As the network raises them.
        """
        if not self.lets_through:
            raise CircuitOpenError(f"{self._network!r} failed too often and is paused")
        attempt = object()
        if self._opened_at_mono is not None:
            self._trial = attempt
        began_mono = self._clock()
        try:
            sock = await self._network.dial(host, port, timeout_seconds=timeout_seconds)
        except TargetUnreachableError:
            self._close()
            raise
        except asyncio.CancelledError:
            # A caller with the same time-out may cancel the dial before the network's own time-out has passed.
            if self._clock() - began_mono >= timeout_seconds * _NEARLY_ALL_OF_THE_TIME:
                self._count_failure(attempt, TimeoutError(f"no answer within {timeout_seconds:.3g} s"))
            raise
        except Exception as error:
            self._count_failure(attempt, error)
            raise
        finally:
            if self._trial is attempt:
                self._trial = None
        self._close()
        return sock

    def http_client(self, dial: Dial | None = None) -> AbstractAsyncContextManager[Any]:
        """Make an HTTP client (`httpx2.AsyncClient`) that dials with `dial`, by default through this breaker."""
        from .http import http_client

        return http_client(dial or self.dial)

    def _close(self) -> None:
        if self._opened_at_mono is not None:
            self._log("info", "works again")
        self._failures = 0
        self._opened_at_mono = None
        self._trial = None

    def _count_failure(self, attempt: object, error: Exception) -> None:
        now_mono = self._clock()
        if self._opened_at_mono is not None:
            # Dials that began before the breaker opened say nothing new.
            if self._trial is attempt:
                self._opened_at_mono = now_mono
                self._log("debug", f"still fails and is paused for {self._half_open_timeout_seconds:g} s", error)
            return
        if now_mono - self._failed_at_mono >= self._reset_failures_timeout_seconds:
            self._failures = 0
        self._failures += 1
        self._failed_at_mono = now_mono
        often = f"{self._failures} times in a row" if self._failures > 1 else "once"
        if self._failures < self._open_threshold:
            self._log("debug", f"failed {often}", error)
            return
        self._opened_at_mono = now_mono
        self._log("warning", f"failed {often} and is paused for {self._half_open_timeout_seconds:g} s", error)

    def _log(self, level: Literal["debug", "info", "warning"], what: str, error: Exception | None = None) -> None:
        getattr(self._logger, level)(f"{self._network!r} {what}", error=error)
