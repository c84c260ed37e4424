"""The reasons why streams are rejected or end; events, metrics, log and docs use these words."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a visitor got the fronting site, or why a stream ended.

    A member equals its text: `Reason.IDLE == "idle"`. It appears in this form in events, metric labels and the log.
    """

    NOT_TLS = "not_tls"
    """The bytes aren't the beginning of a ClientHello, or an urgent one (`MSG_OOB`) is among them."""
    DIGEST = "digest"
    """The ClientHello wasn't made with one of our secrets."""
    SNI = "sni"
    """The ClientHello asks for another host than the secret's."""
    CLOCK = "clock"
    """The client's clock is off by more than the tolerance."""
    REPLAY = "replay"
    """The hello was sent before."""
    REPLAY_CACHE = "replay_cache"
    """The anti-replay cache raised an exception, was late, or answered something other than a bool."""
    TIMEOUT = "timeout"
    """No complete ClientHello in time, or the site answered before it was complete and accepted. After our answer: the
    client didn't read it, or sent no frame in time."""
    CLOSED = "closed"
    """The client ended its side before its handshake was complete."""
    USER_DISABLED = "user_disabled"
    """The client's user is disabled, or was removed in the meantime."""
    USER_EXPIRED = "user_expired"
    """The client's user may not come in any more."""
    USER_QUOTA = "user_quota"
    """The client's user has used up its quota."""
    USER_CONNECTIONS = "user_connections"
    """The client's user has as many connections as it may have."""
    USER_NETWORKS = "user_networks"
    """The client's user has connections from as many networks as it may have."""
    USER_SHARE = "user_share"
    """All users together have as many connections as they may have, and the client's user has its share of them."""
    PROXY_HEADER = "proxy_header"
    """With `ProxyOpts.proxy_protocol_listener`: a trusted peer sent no PROXY header in time, or an invalid one."""

    FRAME = "frame"
    """After our answer: a broken record, a transport other than padded intermediate, or another secret."""
    UNKNOWN_DC = "unknown_dc"
    """The client asks for a DC that doesn't exist."""
    DC_UNREACHABLE = "dc_unreachable"
    """No address of the DC could be reached."""
    FRONT_UNREACHABLE = "front_unreachable"
    """The fronting site could not be reached."""

    CLIENT_EOF = "client_eof"
    """The client ended the connection in an orderly way."""
    UPSTREAM_EOF = "upstream_eof"
    """The DC or the site ended the connection in an orderly way."""
    CLIENT_RESET = "client_reset"
    """The client's connection broke."""
    UPSTREAM_RESET = "upstream_reset"
    """The DC's or the site's connection broke."""
    IDLE = "idle"
    """No traffic for too long."""
    BAD_RECORD = "bad_record"
    """A client of ours broke the record protocol."""

    USER = "user"
    """The client's user may not stay: it was disabled or removed, has expired or used up its quota; or its network had
    to make room for another one."""
    EVICTED = "evicted"
    """A visitor was evicted for a new connection."""
    ENDED = "ended"
    """`Proxy.end` was called."""
    SHUTDOWN = "shutdown"
    """The proxy was shut down."""
    ERROR = "error"
    """An internal error of the proxy."""


USER_REFUSALS = (
    *(Reason.USER_DISABLED, Reason.USER_EXPIRED, Reason.USER_QUOTA),
    *(Reason.USER_CONNECTIONS, Reason.USER_NETWORKS, Reason.USER_SHARE),
)
"""The reasons for refusing a user, as the metric `user_rejected` counts them."""

HANDSHAKE_FAILURES = (
    *(Reason.NOT_TLS, Reason.DIGEST, Reason.SNI, Reason.CLOCK, Reason.REPLAY, Reason.REPLAY_CACHE),
    *(Reason.TIMEOUT, Reason.FRAME, Reason.PROXY_HEADER),
    *USER_REFUSALS,
)
"""The reasons for a failed handshake, as the metric `handshake_failures` counts them."""

RELAY_ENDS = (
    *(Reason.CLIENT_EOF, Reason.UPSTREAM_EOF, Reason.CLIENT_RESET, Reason.UPSTREAM_RESET),
    *(Reason.IDLE, Reason.BAD_RECORD, Reason.SHUTDOWN),
)
"""Those that a relay itself ends with."""
