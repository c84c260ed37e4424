"""Decides whether a connection may come in: checks IP lists and limits before any byte of a client is read."""

from __future__ import annotations

from .event_types import EventConcurrencyLimited, EventIPBlocklisted, IPAddress
from .ground.guarded_logger import GuardedLogger, Warnings
from .options import ProxyOpts
from .roster import Entry, Roster
from .user_parts import Emitter, contains
from .visitor import Visitor
from .visitor_log import VisitorLog


class Entrance:
    """Decides which connections to accept.

    Args:
        opts: The proxy's options.
        roster: The live connections, and which one to evict.
        visitor_log, events, logger, warnings: Get reports about rejected connections.
    """

    def __init__(
        self,
        opts: ProxyOpts,
        roster: Roster,
        visitor_log: VisitorLog,
        events: Emitter,
        logger: GuardedLogger,
        warnings: Warnings,
    ) -> None:
        self._opts = opts
        self._roster = roster
        self._visitor_log = visitor_log
        self._events = events
        self._logger = logger
        self._warnings = warnings

    def admits(self, visitor: Visitor) -> bool:
        """Return whether a new connection may come in; another visitor may be evicted for it."""
        ip = visitor.ip
        return (ip is None or self._lists_admit(ip)) and self.has_room(ip, visitor.network)

    def has_room(self, ip: IPAddress | None, network: int | None) -> bool:
        """Return whether limits allow another connection from there; another visitor may be evicted for it."""
        evicted = self._roster.visitor_to_evict(network)
        if evicted is not None:
            self._evict(evicted)
        elif self._roster.is_full:
            self._refuse_for_concurrency(ip)
            return False
        return True

    def evict_one(self) -> None:
        """Evict the next visitor, if there is one."""
        if (visitor := self._roster.next_visitor_to_go()) is not None:
            self._evict(visitor)

    def _evict(self, visitor: Entry) -> None:
        self._roster.evict(visitor)
        self._visitor_log.evicted(visitor)

    def _lists_admit(self, ip: IPAddress) -> bool:
        allowlist = self._opts.ip_allowlist
        if allowlist is not None and not contains(allowlist, ip, self._warnings, when_broken=False):
            refused_by_blocklist = False
        elif contains(self._opts.ip_blocklist, ip, self._warnings, when_broken=True):
            refused_by_blocklist = True
        else:
            return True
        self._events.send(
            EventIPBlocklisted(timestamp=self._opts.clock(), remote_ip=ip, is_block_list=refused_by_blocklist)
        )
        self._log_refused(ip, "on the blocklist" if refused_by_blocklist else "not on the allowlist")
        return False

    def _refuse_for_concurrency(self, ip: IPAddress | None) -> None:
        self._events.send(EventConcurrencyLimited(timestamp=self._opts.clock()))
        limit = self._opts.concurrency
        self._warnings.warn(
            "concurrency", f"connections are refused: concurrency allows {limit}, and all of them are clients'"
        )
        self._log_refused(ip, "too many connections")

    def _log_refused(self, ip: IPAddress | None, why: str) -> None:
        if self._logger.debug_enabled:
            self._logger.bind(client_ip=ip and str(ip)).debug(f"refused: {why}")
