"""The events of connections, as data.

A stream is one client's connection. Its events, in order: Start, [ReplayAttack], [DomainFronting or ConnectedToDC],
Traffic any number of times, Finish. Each Start is followed by exactly one Finish, which is the last event; by then the
Traffic events add up to the bytes relayed. All other events stand alone and have no stream.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Literal, TypeAlias

from .reasons import Reason

IPAddress: TypeAlias = IPv4Address | IPv6Address
"""An address as the proxy reports it: never IPv4-mapped IPv6."""


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
    """The proxy began to handle a connection.

    Attributes:
        remote_ip: The client's address (IPv4-mapped IPv6 as IPv4), or None if the socket has no IP address. If a PROXY
            header was expected and none came that names the client, it is the peer's.
    """

    remote_ip: IPAddress | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventConnectedToDC(Event):
    """A stream was connected to a Telegram DC.

    Attributes:
        remote_ip: The address that was dialled.
        dc: The DC's positive number, after fallback.
        handshake_seconds: Seconds from accept to the client's obfuscated2 frame.
        dial_seconds: Seconds from that frame until the DC was connected, failed addresses included.
        user: The client's user.
    """

    remote_ip: IPAddress
    dc: int
    handshake_seconds: float = 0.0
    dial_seconds: float = 0.0
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDomainFronting(Event):
    """A connection isn't from a client of ours, and is about to be relayed to the fronting site.

    Attributes:
        reason: Why: one of `Reason.NOT_TLS` to `Reason.USER_SHARE`; `Reason.CLOSED` means that it ended its side before
            its hello was complete.
        user: The user that may not come in; empty for a stranger.
    """

    reason: Reason | Literal[""] = ""
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTraffic(Event):
    """Bytes moved on the upstream leg (DC or fronting site) since the last such event; never 0.

    Attributes:
        traffic_bytes: The number of bytes, without our own frame and PROXY protocol header.
        is_read: True: read from upstream for the client; False: written to upstream.
        user: The client's user; empty for a visitor.
    """

    traffic_bytes: int
    is_read: bool
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFinish(Event):
    """A stream is over and its sockets are closed.

    Attributes:
        reason: Why.
        dc: The DC's positive number, even if it couldn't be reached; 0 for a stream without a DC.
        user: The client's user; empty for a visitor.
    """

    reason: Reason | Literal[""] = ""
    dc: int = 0
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReplayAttack(Event):
    """A ClientHello was sent a second time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventConcurrencyLimited(Event):
    """A connection was closed because the limit `ProxyOpts.concurrency` was reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventIPBlocklisted(Event):
    """A connection was closed because of the client's IP address.

    Attributes:
        remote_ip: The client's address.
        is_block_list: True: the address is on the blocklist; False: it isn't on the allowlist.
    """

    remote_ip: IPAddress
    is_block_list: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class EventIPListSize(Event):
    """An IP list has new contents.

    Attributes:
        size: The number of prefixes.
        is_block_list: True: it is the blocklist; False: the allowlist.
    """

    size: int
    is_block_list: bool
