"""The configuration's key of each option that a part may refuse."""

from __future__ import annotations

KEYS_OF_OPTIONS = {
    "concurrency": "concurrency",
    "max_visitors": "defense.limits.visitors",
    "max_visitors_per_network": "defense.limits.per-network",
    "prefer_ip": "prefer-ip",
    "tolerate_time_skewness_seconds": "tolerate-time-skewness",
    "domain_fronting_port": "domain-fronting.port",
    "domain_fronting_ip": "domain-fronting.ip",
    "domain_fronting_host": "domain-fronting.host",
    "proxy_protocol_trusted": "proxy-protocol-trusted",
    "record_urls": "defense.doppelganger.urls",
    "record_repeats": "defense.doppelganger.repeats-per-raid",
    "record_refresh_seconds": "defense.doppelganger.raid-each",
    "dial_timeout": "network.timeout.tcp",
    "idle_timeout": "network.timeout.idle",
    "handshake_timeout": "network.timeout.handshake",
    "frame_timeout": "network.timeout.frame",
}

KEYS_OF_REPLAY_CACHES = {
    "max_size_bytes": "defense.anti-replay.max-size",
    "error_rate": "defense.anti-replay.error-rate",
    "url": "defense.anti-replay.url",
    "redis": "defense.anti-replay.kind",
    "remember_seconds": "defense.anti-replay.remember",
    "max_entries": "defense.anti-replay.max-entries",
}
