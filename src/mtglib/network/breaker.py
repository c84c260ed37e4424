"""Leaving a network alone for a while that fails again and again."""

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
    """A network that is closed to use after failures in a row, until a trial succeeds.

    Closed (the usual state), everything is let through. `open_threshold` failures in a row open it: every dial is a
    `CircuitOpenError` at once. After `half_open_timeout_seconds` one dial is let through as a trial; its success
    closes the breaker, its failure opens it again for as long. A dial that is cancelled early was no trial.

    A failure is whatever the network raises, a time-out too, except `TargetUnreachableError`: it tells that the network
    works and so counts as a success.

    Args:
        network: The network to protect.
        open_threshold: How many failures in a row are too many; 1 to 999999.
        half_open_timeout_seconds: How long the breaker is open before a trial; above 0, up to a year.
        reset_failures_timeout_seconds: After so long without a failure, those before are forgotten; likewise.
        logger: Told once when the breaker opens, as a warning with the last failure; once when it closes, as info; and
            as debug of each failure before, and when a trial fails. The network is called by its repr.
        clock: Returns seconds that never go back.

    Raises:
        OptionError: An argument can't work.
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
        """Whether a dial would be tried now: the breaker is closed, or it is time for a trial."""
        if self._opened_at_mono is None:
            return True
        rested = self._clock() - self._opened_at_mono >= self._half_open_timeout_seconds
        return rested and self._trial is None

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        """Dial with the network behind, if it is let through.

        Raises:
            CircuitOpenError: It isn't.
            OSError, TimeoutError: The network's own.
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
            # Whoever waits for us with the same time-out may cancel the dial before it has seen its own.
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
            # Dials from before the opening tell nothing new.
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
