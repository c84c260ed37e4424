"""The state that all streams of a proxy share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .client_socket import SocketCalls
from .dc import DCTable
from .dc_dialler import DCDialler
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
    """One proxy's.

    Attributes:
        opts: Its options.
        dcs: The table that `opts` describe.
        dc_dialler: Connects to them.
        relay: What relays.
        readiness: What waits for sockets.
        secrets: What clients may know.
        key_shares: For the answers to them.
        client_socket_calls: For their sockets.
        roster: The live connections.
        front: The site that visitors are shown.
        visitor_log: What the log says about them.
        events, logger, warnings: The way to the user's parts.
    """

    opts: ProxyOpts
    dcs: DCTable
    dc_dialler: DCDialler
    relay: ChosenRelay
    readiness: Readiness
    secrets: Sequence[Secret]
    key_shares: KeyShares
    client_socket_calls: SocketCalls
    roster: Roster
    front: Front
    visitor_log: VisitorLog
    events: Emitter
    logger: GuardedLogger
    warnings: Warnings
