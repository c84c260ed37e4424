"""The state that all streams of a proxy share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .client_socket import ClientSocketOptions
from .dc import DCTable
from .dc_dialler import DCDialler
from .fine_clock import FineClock
from .front.dial import Front
from .ground.guarded_logger import GuardedLogger, Warnings
from .keyshare import KeyShares
from .options import ProxyOpts
from .readiness import Readiness
from .relay.choice import ChosenRelay
from .roster import Roster
from .secret import Secret
from .user_parts import Emitter
from .visitor_log import VisitorLog


@dataclass(slots=True)
class Shared:
    """The state of one proxy.

    Attributes:
        opts: Its options.
        dcs: The DC table of `opts`.
        dc_dialler: Connects to them.
        relay: The relay.
        readiness: Waits for sockets.
        secrets: The secrets that clients may use.
        key_shares: Key shares for answers to clients.
        fine_clock: Its clock for times of answers.
        client_socket_options: Options of clients' sockets.
        roster: The live connections.
        front: Connects visitors to the fronting site.
        visitor_log: Logs visitors.
        is_ending: Whether the proxy is being shut down. Nobody is admitted any more: the anti-replay cache may be
            closed, or another process may have taken it over.
        events, logger, warnings: Wrappers of the user's parts.
    """

    opts: ProxyOpts
    dcs: DCTable
    dc_dialler: DCDialler
    relay: ChosenRelay
    readiness: Readiness
    secrets: Sequence[Secret]
    key_shares: KeyShares
    fine_clock: FineClock
    client_socket_options: ClientSocketOptions
    roster: Roster
    front: Front
    visitor_log: VisitorLog
    events: Emitter
    logger: GuardedLogger
    warnings: Warnings
    is_ending: bool = False
