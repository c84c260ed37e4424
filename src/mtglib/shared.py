"""The state that all streams of a proxy share for as long as it lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from .fine_clock import FineClock
from .ground.guarded_logger import GuardedLogger, Warnings
from .keyshare import KeyShares
from .readiness import Readiness
from .relay.choice import ChosenRelay
from .roster import Roster
from .user_parts import Emitter
from .users.limiter import UserLimiter
from .visitor_log import VisitorLog


@dataclass(slots=True)
class Shared:
    """The state of one proxy. What its options decide is in a `Generation`.

    Attributes:
        relay: The relay.
        readiness: Waits for sockets.
        key_shares: Key shares for answers to clients.
        now_unix: Returns Unix seconds.
        fine_clock: Its clock for times of answers.
        roster: The live connections.
        limiter: Limits the users' among them.
        visitor_log: Logs visitors.
        is_ending: Whether the proxy is being shut down. Nobody is admitted any more: the anti-replay cache may be
            closed, or another process may have taken it over.
        events, logger, warnings: Wrappers of the user's parts.
    """

    relay: ChosenRelay
    readiness: Readiness
    key_shares: KeyShares
    now_unix: Callable[[], float]
    fine_clock: FineClock
    roster: Roster
    limiter: UserLimiter
    visitor_log: VisitorLog
    events: Emitter
    logger: GuardedLogger
    warnings: Warnings
    is_ending: bool = False

    @classmethod
    def of(
        cls,
        relay: ChosenRelay,
        roster: Roster,
        now_unix: Callable[[], float],
        user_limits: tuple[int | None, float | None],
        events: Emitter,
        logger: GuardedLogger,
        warnings: Warnings,
    ) -> Self:
        """Make it in the proxy's event loop.

        Args:
            relay: The relay.
            roster: The live connections.
            now_unix: Returns Unix seconds.
            user_limits: The most connections of all users together, and how often they are checked, as `UserLimiter`
                has them.
            events: Wraps the user's event stream.
            logger: Wraps the user's logger.
            warnings: Gets reports about the user's parts.

        Raises:
            OSError: There are no descriptors left.
        """
        most_connections, check_seconds = user_limits
        return cls(
            relay=relay,
            readiness=Readiness(),
            key_shares=KeyShares(),
            now_unix=now_unix,
            fine_clock=FineClock(),
            roster=roster,
            limiter=UserLimiter(lambda: roster.entries, now_unix, most_connections, check_seconds=check_seconds),
            visitor_log=VisitorLog(logger),
            events=events,
            logger=logger,
            warnings=warnings,
        )
