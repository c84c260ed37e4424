"""Connecting to a DC: its addresses in order, IPv4 and IPv6 in parallel (RFC 8305, "happy eyeballs")."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final

from .dc import DCAddress, DCChoice
from .errors import UpstreamError
from .ground.guarded_logger import Warnings
from .ground.happy_eyeballs import ATTEMPT_DELAY_SECONDS, SilentAddresses, alternated
from .interfaces import Network
from .upstream import dial

_NEARLY: Final = 0.8  # event loops round their clocks and timers to milliseconds
_LEAST_SECONDS: Final = 0.001  # for the same reason, less isn't worth an attempt


class DCDialler:
    """Connects to DCs, and remembers for a minute which addresses didn't answer: those are tried last.

    Args:
        network: Dials.
        dial_timeout: The limit for one address in seconds; all addresses of a DC together get twice that, not counting
            the time by which the network exceeds it.
        warnings: Gets reports about unreachable DCs and misbehaving networks.
        clock: Returns monotonic seconds.
        previous: The one that this one replaces. If it dials with the same network, what it has learnt is used.

    Attributes:
        network: As given.
        silent: The addresses that didn't answer.
    """

    def __init__(
        self,
        network: Network,
        dial_timeout: float,
        warnings: Warnings,
        clock: Callable[[], float] = time.monotonic,
        *,
        previous: DCDialler | None = None,
    ) -> None:
        self.network = network
        self._dial_timeout = dial_timeout
        self._warnings = warnings
        is_known = previous is not None and previous.network is network
        self.silent: SilentAddresses = previous.silent if previous and is_known else SilentAddresses(clock)
        self._cancelled: set[asyncio.Task[socket.socket]] = set()

    async def dial(self, choice: DCChoice) -> tuple[socket.socket, DCAddress]:
        """Connect to one of a DC's addresses.

        If the addresses are of two families, the families alternate, and the next attempt starts in parallel after 0.25
        s; whichever connects first wins. Addresses of one family are tried one after the other. A failure starts the
        next attempt immediately.

        Raises:
            UpstreamError: No address could be reached, which also causes a warning, once a minute; or the network
                misbehaved.
        """
        race = _Race(self.network, choice.addresses, self._dial_timeout, self._warnings, self.silent)
        try:
            reached = await race.run()
        finally:
            for task in race.give_up():
                self._cancelled.add(task)  # an event loop doesn't keep tasks alive
                task.add_done_callback(self._cancelled.discard)
        if reached is None:
            message = f"DC {choice.dc} can't be reached ({'; '.join(race.failures)})"
            self._warnings.warn(f"DC {choice.dc}", message)
            raise UpstreamError(message)
        return reached


def in_order(addresses: Sequence[DCAddress], silent: SilentAddresses) -> list[DCAddress]:
    """Return the addresses in the order in which they are tried: families alternate, silent addresses come last."""
    first = [address for address in addresses if address.ip.version == addresses[0].ip.version]
    second = [address for address in addresses if address.ip.version != addresses[0].ip.version]
    return silent.put_last(alternated(first, second))


class _Race:
    """One connection's attempts.

    An attempt without another one in parallel runs in the caller's own task: a dial that succeeds immediately costs
    neither a task nor a timer.

    Attributes:
        failures: The failure of each address.
    """

    __slots__ = (
        *("_addresses", "_began_mono", "_broken", "_deadline_mono", "_dial_timeout", "_is_over", "_loop", "_network"),
        *("_own", "_silent", "_tasks", "_timer", "_waiting", "_warnings", "_won", "failures"),
    )

    def __init__(
        self,
        network: Network,
        addresses: Sequence[DCAddress],
        dial_timeout: float,
        warnings: Warnings,
        silent: SilentAddresses,
    ) -> None:
        self._network = network
        self._addresses = addresses
        self._dial_timeout = dial_timeout
        self._warnings = warnings
        self._silent = silent
        self._loop = asyncio.get_running_loop()
        self._deadline_mono = self._loop.time() + 2 * dial_timeout
        self._waiting: list[DCAddress] | None = in_order(addresses, silent) if silent else None  # None: not sorted yet
        self._began_mono: dict[DCAddress, float] = {}  # of the pending attempts, in their order
        self._tasks: dict[asyncio.Task[socket.socket], DCAddress] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._own: asyncio.Timeout | None = None
        self._won: tuple[socket.socket, DCAddress] | None = None
        self._broken: UpstreamError | None = None
        self._is_over = False
        self.failures: list[str] = []

    async def run(self) -> tuple[socket.socket, DCAddress] | None:
        """Return the first connection, or None if every address failed.

        Raises:
            UpstreamError: The network misbehaved.
        """
        if self._waiting is None and (sock := await self._attempt(self._addresses[0])) is not None:
            return sock, self._addresses[0]
        while self._broken is None:
            if self._won is not None:
                return self._taken()
            if (address := self._next()) is not None:
                if (sock := await self._attempt(address)) is not None:
                    return sock, address
            elif self._tasks:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            else:
                return None
        raise self._broken

    def give_up(self) -> list[asyncio.Task[socket.socket]]:
        """Cancel pending attempts without waiting; return their tasks. What they still connect is closed."""
        self._is_over = True
        self._stop_timer()
        if self._won is not None:
            self._taken()[0].close()  # two succeeded at once
        left = list(self._tasks)
        for task in left:
            task.cancel()
        return left

    def _left(self) -> list[DCAddress]:
        """Return the addresses that weren't tried yet, in their order."""
        if self._waiting is None:  # sorted only now: a dial that succeeds at once doesn't need it
            self._waiting = in_order(self._addresses, self._silent)
            self._waiting.remove(self._addresses[0])
        if self._deadline_mono - self._loop.time() < _LEAST_SECONDS:
            self._waiting.clear()
        return self._waiting

    def _next(self) -> DCAddress | None:
        left = self._left()
        return left.pop(0) if left else None

    def _taken(self) -> tuple[socket.socket, DCAddress]:
        assert self._won is not None
        won, self._won = self._won, None
        return won

    async def _attempt(self, address: DCAddress) -> socket.socket | None:
        """Dial in the caller's task; None if it failed, or if another attempt has decided the race."""
        timeout_seconds, began_mono = self._begin(address)
        try:
            sock = await dial(
                self._network, address.host, address.port, timeout_seconds, self._warnings, self._dial_waits
            )
            self._reached(address)
            return sock
        except OSError as error:
            if self._won is None and self._broken is None:
                self._failed(address, error)
        except UpstreamError:
            if self._won is None:  # otherwise the network raises it because the dial was cut short
                raise
        finally:
            self._own = None
            self._stop_timer()
            self._began_mono.pop(address, None)
        late_seconds = self._loop.time() - began_mono - timeout_seconds
        self._deadline_mono += max(late_seconds, 0.0)
        return None

    def _begin(self, address: DCAddress) -> tuple[float, float]:
        self._began_mono[address] = now_mono = self._loop.time()
        return min(self._dial_timeout, self._deadline_mono - now_mono), now_mono

    def _dial_waits(self, own: asyncio.Timeout) -> None:
        """Called when the caller's own attempt has to wait; `own` can cut that short."""
        self._own = own
        if self._won is not None or self._broken is not None:
            self._cut_short()
        else:
            self._start_timer()

    def _start_timer(self) -> None:
        self._stop_timer()
        if self._left() and len({address.ip.version for address in self._addresses}) > 1:
            self._timer = self._loop.call_later(ATTEMPT_DELAY_SECONDS, self._start_beside)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_beside(self) -> None:
        """Start the next attempt in a task of its own."""
        if (address := self._next()) is None:
            return
        timeout_seconds, _ = self._begin(address)
        dialling = dial(self._network, address.host, address.port, timeout_seconds, self._warnings)
        task = self._loop.create_task(dialling, name="mtg-dial")
        self._tasks[task] = address
        task.add_done_callback(self._ended)
        self._start_timer()

    def _ended(self, task: asyncio.Task[socket.socket]) -> None:
        address = self._tasks.pop(task)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is None:
            if self._won is not None or self._is_over:
                task.result().close()  # it was second by a hair
            else:
                self._reached(address)
                self._won = task.result(), address
                self._cut_short()
        elif isinstance(error, UpstreamError):
            self._broken = error
            self._cut_short()
        else:
            self._failed(address, error)
            if self._own is not None and self._won is None:  # otherwise the caller's task starts the next one
                self._start_beside()
        self._began_mono.pop(address, None)

    def _cut_short(self) -> None:
        """End the caller's own attempt."""
        self._stop_timer()
        if self._own is not None and not self._own.expired():
            self._own.reschedule(self._loop.time())

    def _failed(self, address: DCAddress, error: BaseException) -> None:
        if isinstance(error, TimeoutError):
            self._silent.note(address)
        self.failures.append(f"{address.ip} port {address.port}: {str(error) or 'time-out'}")

    def _reached(self, address: DCAddress) -> None:
        """Note an address that answers, and earlier ones that still haven't answered."""
        self._silent.forget(address)
        if len(self._began_mono) == 1:
            return
        now_mono = self._loop.time()
        for other, began_mono in self._began_mono.items():
            if other == address:
                break
            if now_mono - began_mono >= ATTEMPT_DELAY_SECONDS * _NEARLY:
                self._silent.note(other)
