"""Every way that a stream is turned away or ends: events, metrics, log and docs take the words from here."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a visitor got the fronting site, or why a stream is over.

    A member is its own text: `Reason.IDLE == "idle"`, and so it appears in events, in metrics' labels and in the log.
    """

    NOT_TLS = "not_tls"
    """The bytes can't become a ClientHello."""
    DIGEST = "digest"
    """The ClientHello wasn't made with a secret of ours."""
    SNI = "sni"
    """It asks for another host than the secret's."""
    CLOCK = "clock"
    """The client's clock is off by more than is tolerated."""
    REPLAY = "replay"
    """The hello was sent before."""
    REPLAY_CACHE = "replay_cache"
    """The anti-replay cache raised, was late, or answered something else than a bool."""
    TIMEOUT = "timeout"
    """No complete ClientHello in time, or the site answered before it was complete and accepted. After our answer: the
    client didn't read it, or sent no frame in time."""
    CLOSED = "closed"
    """The client ended its side before its handshake was complete."""

    FRAME = "frame"
    """After our answer: a broken record, another transport than padded intermediate, or another secret."""
    UNKNOWN_DC = "unknown_dc"
    """The client wants a DC that there isn't."""
    DC_UNREACHABLE = "dc_unreachable"
    """No address of the DC could be reached."""
    FRONT_UNREACHABLE = "front_unreachable"
    """The fronting site could not be reached."""

    CLIENT_EOF = "client_eof"
    """An orderly end, which the client began."""
    UPSTREAM_EOF = "upstream_eof"
    """An orderly end, which the DC or the site began."""
    CLIENT_RESET = "client_reset"
    """The client's connection broke."""
    UPSTREAM_RESET = "upstream_reset"
    """The DC's or the site's connection broke."""
    IDLE = "idle"
    """Nothing moved for too long."""
    BAD_RECORD = "bad_record"
    """A client of ours broke the record protocol."""

    EVICTED = "evicted"
    """A visitor had to make room for a newcomer."""
    ENDED = "ended"
    """`Proxy.end` was called."""
    SHUTDOWN = "shutdown"
    """The proxy was shut down."""
    ERROR = "error"
    """A fault of ours."""


HANDSHAKE_FAILURES = (
    *(Reason.NOT_TLS, Reason.DIGEST, Reason.SNI, Reason.CLOCK, Reason.REPLAY, Reason.REPLAY_CACHE),
    *(Reason.TIMEOUT, Reason.FRAME),
)
"""Those for which a handshake fails, as the metric `handshake_failures` counts them."""

RELAY_ENDS = (
    *(Reason.CLIENT_EOF, Reason.UPSTREAM_EOF, Reason.CLIENT_RESET, Reason.UPSTREAM_RESET),
    *(Reason.IDLE, Reason.BAD_RECORD, Reason.SHUTDOWN),
)
"""Those that a relay itself ends with."""
