"""The contract's constants, and the defaults that `mtglib.options` adds to them."""

from __future__ import annotations

from typing import Final, Literal

DEFAULT_CONCURRENCY: Final = 4096
"""Most connections that `Proxy.serve` handles at once."""

DEFAULT_MAX_VISITORS_PER_NETWORK: Final = 256
"""Most connections of one network that aren't clients', or not yet, once it is getting crowded."""

DEFAULT_BUFFER_SIZE_BYTES: Final = 16 * 1024
"""Deprecated: buffers belong to the relay's threads, not to connections; this has no effect."""

DEFAULT_DOMAIN_FRONTING_PORT: Final = 443
"""The fronting site's port."""

DEFAULT_IDLE_TIMEOUT: Final = 300.0
"""Seconds without a byte moved in either direction after which a relay ends (mtg 2.x: five minutes)."""

DEFAULT_TOLERATE_TIME_SKEWNESS_SECONDS: Final = 3.0
"""How far a client's clock may be from ours, in seconds, either way."""

PreferIP = Literal["prefer-ipv4", "prefer-ipv6", "only-ipv4", "only-ipv6"]
"""In which order, or at all, a DC's IPv4 and IPv6 addresses are dialled."""

DEFAULT_PREFER_IP: Final = "prefer-ipv6"
"""The default of `ProxyOpts.prefer_ip`."""

SECRET_KEY_LENGTH_BYTES: Final = 16
"""Length of a secret's key."""

CONNECTION_ID_LENGTH_BYTES: Final = 16
"""Random bytes in a stream id."""

TCP_RELAY_READ_TIMEOUT: Final = 20.0
"""Deprecated: relays end by `idle_timeout` alone; this has no effect."""

DEFAULT_HANDSHAKE_TIMEOUT: Final = 10.0
"""Seconds from accept to a complete ClientHello; then the client gets the fronting site."""

DEFAULT_FRAME_TIMEOUT: Final = 30.0
"""Seconds from our answer to the client's obfuscated2 frame. Official clients hold answered connections in
reserve for up to 10 s before they use them."""

DEFAULT_DIAL_TIMEOUT: Final = 5.0
"""Seconds to connect to one upstream address; twice that is the bound for all addresses of a DC."""

MIN_FRONTING_IDLE_TIMEOUT: Final = 600.0
"""Seconds: a fronted relay idles at least this long, since a web site's own time-outs must show first."""

FRONT_HALF_CLOSED_TIMEOUT: Final = 60.0
"""Seconds that a fronted relay goes on after the site's end of stream without a byte that the site takes: Linux keeps a
connection that it has closed for as long (tcp_fin_timeout)."""
