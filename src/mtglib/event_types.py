"""What happens to connections, as data.

A stream is one client's connection. Its events, in order: Start, [ReplayAttack], [DomainFronting or ConnectedToDC],
Traffic any number of times, Finish. Finish comes exactly once after each Start, and last; by then Traffic sums up to
what was relayed. The others stand alone and have no stream.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Literal, TypeAlias

from .reasons import Reason

IPAddress: TypeAlias = IPv4Address | IPv6Address
"""An address as the proxy tells it: never IPv4-mapped IPv6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events.

    Attributes:
        stream_id: 16 random bytes in URL-safe base64 without padding; empty for events without a stream.
        timestamp: When it happened, Unix seconds.
    """

    stream_id: str = ""
    timestamp: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStart(Event):
    """A connection was taken up.

    Attributes:
        remote_ip: The client's address (IPv4-mapped IPv6 as IPv4), or None where a socket has none.
    """

    remote_ip: IPAddress | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventConnectedToDC(Event):
    """A stream was connected to a Telegram DC.

    Attributes:
        remote_ip: The address that was dialled.
        dc: The DC's positive number, after fallback.
        handshake_seconds: From accept to the client's frame.
        dial_seconds: From there to the connection, failed addresses included.
    """

    remote_ip: IPAddress
    dc: int
    handshake_seconds: float = 0.0
    dial_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDomainFronting(Event):
    """A client isn't ours: it is about to be connected to the fronting site.

    Attributes:
        reason: What gave it away: from NOT_TLS to TIMEOUT, or CLOSED: it ended its side before its hello
            was complete.
    """

    reason: Reason | Literal[""] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTraffic(Event):
    """Bytes moved on the upstream leg (DC or fronting site), since the last such event; never 0.

    Attributes:
        traffic_bytes: How many, without our own frame and PROXY protocol header.
        is_read: True: read from upstream for the client; False: written to upstream.
    """

    traffic_bytes: int
    is_read: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFinish(Event):
    """A stream is over and its sockets are closed.

    Attributes:
        reason: Why.
        dc: The DC's positive number, also if it couldn't be reached; 0 for a stream that wasn't bound for one.
    """

    reason: Reason | Literal[""] = ""
    dc: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReplayAttack(Event):
    """A ClientHello was sent a second time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventConcurrencyLimited(Event):
    """A connection was closed, since there are `ProxyOpts.concurrency` already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventIPBlocklisted(Event):
    """A connection was closed because of its address.

    Attributes:
        remote_ip: The client's address.
        is_block_list: True: it is on the blocklist; False: it is missing from the allowlist.
    """

    remote_ip: IPAddress
    is_block_list: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class EventIPListSize(Event):
    """An IP list has new contents.

    Attributes:
        size: How many prefixes it has.
        is_block_list: True: the blocklist; False: the allowlist.
    """

    size: int
    is_block_list: bool
