"""Selects the relay: the native engine, or pure Python if the engine isn't built or isn't wanted."""

from __future__ import annotations

import os
from collections.abc import Coroutine

from ..errors import EngineError
from .job import Job, OnTraffic, Relay, RelayLoad, RelayResult
from .pure import PureRelay

try:
    from . import native

    _WHY_NOT_NATIVE = ""
except ModuleNotFoundError:
    _WHY_NOT_NATIVE = "the Rust extension wasn't built"
except ImportError as error:
    _WHY_NOT_NATIVE = f"the Rust extension can't be loaded: {error}"


def engine_description(choice: str = "auto") -> str:
    """Return "native" or "pure (why)": the relay that this value of `ProxyOpts.relay` selects on this machine."""
    if choice == "pure":
        return "pure (asked for)"
    return f"pure ({_WHY_NOT_NATIVE})" if _WHY_NOT_NATIVE else "native"


def engine_threads(choice: str = "auto") -> int:
    """Return the number of engine threads: one for each core this process may use; 0 for the pure relay."""
    return 0 if engine_description(choice) != "native" else native.thread_count()


class ChosenRelay:
    """A relay that is created with the first job, and that belongs to the process in which it was created.

    Args:
        choice: A `ProxyOpts.relay`.

    Raises:
        EngineError: "native" was chosen, but the engine isn't built.
    """

    def __init__(self, choice: str) -> None:
        if choice == "native" and _WHY_NOT_NATIVE:
            raise EngineError(f"relay: expected an engine for 'native', but {_WHY_NOT_NATIVE}")
        self.description = engine_description(choice)
        self._relay: Relay | None = None
        self._pid = 0

    def run(self, job: Job, on_traffic: OnTraffic) -> Coroutine[None, None, RelayResult]:
        """See `Relay.run`; not a coroutine itself, since each would keep a frame for as long as the relay lasts.

        Raises:
            EngineError: The process has forked since the first job, and threads don't survive that; or there are no
                threads or descriptors left to start with.
        """
        try:
            relay = self._here() or self._make()
        except EngineError:
            job.client.close()
            job.upstream.close()
            raise
        return relay.run(job, on_traffic)

    def report(self) -> None:
        """Report each running job's traffic to its `on_traffic` now."""
        if (relay := self._here()) is not None:
            relay.report()

    def load(self) -> RelayLoad:
        """Return the current load."""
        if (relay := self._here()) is not None:
            return relay.load()
        return RelayLoad(0, 0 if self.description == "native" else None)

    async def close(self) -> None:
        """Stop the relay's threads; no job is running any more."""
        relay, self._relay = self._here(), None
        if relay is not None:
            await relay.close()

    def _here(self) -> Relay | None:
        """Return the relay, if it was created in this process."""
        return self._relay if self._pid == os.getpid() else None

    def _make(self) -> Relay:
        if self._relay is not None:
            raise EngineError("this proxy was used before a fork; create a new Proxy in the child")
        try:
            self._relay = native.NativeRelay() if self.description == "native" else PureRelay()
        except OSError as error:
            raise EngineError(f"the relay can't be started: {error}") from error
        self._pid = os.getpid()
        return self._relay
