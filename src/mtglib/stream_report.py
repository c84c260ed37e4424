"""Reports a stream to others: its events, its log lines and its entry in the roster."""

from __future__ import annotations

import time

from .dc import DCAddress
from .errors import ClientError
from .event_types import (
    EventConnectedToDC,
    EventDomainFronting,
    EventFinish,
    EventReplayAttack,
    EventStart,
    EventTraffic,
)
from .ground.guarded_logger import GuardedLogger
from .reasons import Reason
from .relay.job import RelayResult
from .roster import Entry, State
from .shared import Shared


class StreamReport:
    """Reports one stream.

    Args:
        shared: The proxy's.
        entry: The stream, among others in the roster.

    Attributes:
        reason: Why it ended, as far as known.
    """

    __slots__ = ("_accepted_mono", "_entry", "_framed_mono", "_front_reason", "_shared", "reason")

    def __init__(self, shared: Shared, entry: Entry) -> None:
        self._shared = shared
        self._entry = entry
        self._front_reason: Reason | None = None
        self._accepted_mono = self._framed_mono = time.monotonic()
        self.reason = Reason.CLOSED

    def started(self) -> None:
        """The stream has begun."""
        entry = self._entry
        if self._shared.events.is_heard:
            self._shared.events.send(
                EventStart(stream_id=entry.stream_id, timestamp=entry.since_unix, remote_ip=entry.visitor.ip)
            )

    def replayed(self) -> None:
        """Its hello is a replay."""
        self._shared.events.send(EventReplayAttack(stream_id=self._entry.stream_id, timestamp=self._shared.now_unix()))

    def turned_away(self, error: ClientError) -> None:
        """The peer isn't a client of ours."""
        self._shared.visitor_log.came(self._entry.network, error.reason)
        if self._shared.logger.debug_enabled:
            self._log().debug(f"visitor: {error}")

    def fronted(self, reason: Reason, user: str = "") -> None:
        """The peer is about to be connected to the site; it may be a client of a user who may not come in."""
        entry = self._entry
        self._shared.roster.fronted(entry)
        self._front_reason = reason
        self._shared.events.send(
            EventDomainFronting(stream_id=entry.stream_id, timestamp=self._shared.now_unix(), reason=reason, user=user)
        )

    def framed(self, dc: int) -> None:
        """The client has said which DC it wants."""
        self._entry.dc = dc
        self._framed_mono = time.monotonic()

    def connected(self, address: DCAddress) -> None:
        """The DC has been reached."""
        entry = self._entry
        entry.state = State.TELEGRAM
        if self._shared.events.is_heard:
            self._shared.events.send(
                EventConnectedToDC(
                    stream_id=entry.stream_id,
                    timestamp=self._shared.now_unix(),
                    remote_ip=address.ip,
                    dc=entry.dc,
                    handshake_seconds=self._framed_mono - self._accepted_mono,
                    dial_seconds=time.monotonic() - self._framed_mono,
                    user=entry.user,
                )
            )

    def moved(self, from_client_bytes: int, to_client_bytes: int, upstream_ended: bool) -> None:
        """Bytes were relayed, or the DC or site ended its side, or both."""
        entry = self._entry
        if upstream_ended and not entry.is_past_the_end:
            self._shared.roster.past_the_end(entry)
        entry.from_client_bytes += from_client_bytes
        entry.to_client_bytes += to_client_bytes
        self._shared.roster.touch(entry)
        self._shared.limiter.moved(entry, from_client_bytes, to_client_bytes)
        if not self._shared.events.is_heard:
            return
        for count, is_read in ((from_client_bytes, False), (to_client_bytes, True)):
            if count:
                self._shared.events.send(
                    EventTraffic(
                        stream_id=entry.stream_id,
                        timestamp=self._shared.now_unix(),
                        traffic_bytes=count,
                        is_read=is_read,
                        user=entry.user,
                    )
                )

    def relayed(self, result: RelayResult) -> None:
        """The relay is over."""
        self.reason = result.reason
        self._log_end("finished", from_client_bytes=result.from_client_bytes, to_client_bytes=result.to_client_bytes)

    def closed(self, reason: Reason, why: object = None, *, error: BaseException | None = None) -> None:
        """The stream is over without a relay, or in the middle of one."""
        self.reason = reason
        self._log_end(f"closed: {reason if why is None else why}", error=error)

    def finished(self) -> None:
        """The stream is over, and its sockets are closed."""
        entry = self._entry
        self._shared.roster.remove(entry)
        self._shared.limiter.left(entry)
        if self._shared.events.is_heard:
            self._shared.events.send(
                EventFinish(
                    stream_id=entry.stream_id,
                    timestamp=self._shared.now_unix(),
                    reason=self.reason,
                    dc=entry.dc,
                    user=entry.user,
                )
            )

    def _log_end(self, message: str, *, error: BaseException | None = None, **fields: object) -> None:
        """Log a client's end at info, a visitor's at debug: there may be a flood of visitors."""
        logger = self._shared.logger
        if self._entry.user:
            if logger.info_enabled:
                self._log(user=self._entry.user, upstream=self._upstream(), reason=str(self.reason), **fields).info(
                    message, error=error
                )
        elif logger.debug_enabled:
            self._log(upstream=self._upstream(), reason=str(self.reason), **fields).debug(message, error=error)

    def _upstream(self) -> str:
        """Name it; a text for each connection would stay in memory as long as that lasts."""
        if self._entry.state is State.TELEGRAM:
            return f"DC {self._entry.dc}"
        return "none" if self._front_reason is None else f"front ({self._front_reason})"

    def _log(self, **fields: object) -> GuardedLogger:
        """Return this stream's logger; it is created when first used, as most streams log nothing."""
        ip = self._entry.visitor.ip
        return self._shared.logger.bind(stream_id=self._entry.stream_id, client_ip=ip and str(ip), **fields)
