"""The contract's constants, and the defaults that `mtglib.options` adds to them."""

from __future__ import annotations

from typing import Final, Literal

DEFAULT_CONCURRENCY: Final = 4096
"""The most connections that `Proxy.serve` handles at once."""

DEFAULT_MAX_VISITORS_PER_NETWORK: Final = 256
"""The most visitors from one network, once there are three quarters of `ProxyOpts.max_visitors`."""

DEFAULT_BUFFER_SIZE_BYTES: Final = 16 * 1024
"""Deprecated, has no effect: buffers belong to the relay's threads, not to connections."""

DEFAULT_DOMAIN_FRONTING_PORT: Final = 443
"""The fronting site's port."""

DEFAULT_IDLE_TIMEOUT: Final = 300.0
"""Seconds without any traffic in either direction after which a relay ends (mtg 2.x: five minutes)."""

DEFAULT_TOLERATE_TIME_SKEWNESS_SECONDS: Final = 3.0
"""How far a client's clock may be off from ours, in seconds, either way."""

PreferIP = Literal["prefer-ipv4", "prefer-ipv6", "only-ipv4", "only-ipv6"]
"""Whether a DC's IPv4 or IPv6 addresses are dialled first, or only one of the two."""

DEFAULT_PREFER_IP: Final = "prefer-ipv6"
"""The default of `ProxyOpts.prefer_ip`."""

SECRET_KEY_LENGTH_BYTES: Final = 16
"""Length of a secret's key."""

CONNECTION_ID_LENGTH_BYTES: Final = 16
"""The number of random bytes in a stream id."""

TCP_RELAY_READ_TIMEOUT: Final = 20.0
"""Deprecated, has no effect: relays end by `idle_timeout` alone."""

DEFAULT_HANDSHAKE_TIMEOUT: Final = 10.0
"""Seconds from accept to a complete ClientHello; a visitor who needs longer stays with the fronting site."""

DEFAULT_FRAME_TIMEOUT: Final = 30.0
"""Seconds from our answer to the client's obfuscated2 frame. Official clients keep spare connections open for up to 10
s after our answer before they use them."""

DEFAULT_DIAL_TIMEOUT: Final = 5.0
"""Seconds to connect to one upstream address; twice that is the limit for all addresses of a DC."""

DEFAULT_NOT_SENT_LOW_WATER_BYTES: Final = 128 * 1024
"""How much the kernel may hold for a peer before it can be sent."""

DEFAULT_RECORD_REPEATS: Final = 10
"""How often each of `ProxyOpts.record_urls` is loaded."""

DEFAULT_RECORD_REFRESH_SECONDS: Final = 6 * 3600.0
"""How long after that they are loaded again."""

MIN_FRONTING_IDLE_TIMEOUT: Final = 600.0
"""Seconds: a fronted relay idles at least this long, since a web site's own time-outs must show first."""

FRONT_DELIVERY_TIMEOUT: Final = 1.0
"""Seconds without a byte taken that a fronted relay lasts after one side is lost. A site's kernel that resets a
connection delivers nothing more, whoever waits; ours delivers what it has got before, but not to a visitor that reads
nothing."""

FRONT_HALF_CLOSED_TIMEOUT: Final = 60.0
"""Seconds that a fronted relay lasts after the site's end of stream if the site takes no more bytes: as long as Linux
keeps a connection that it has closed (tcp_fin_timeout)."""
