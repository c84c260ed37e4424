"""The types of the options of `ProxyOpts.with_defaults`, for type checkers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias, TypedDict

from .constants import PreferIP
from .front_address import FrontAddress
from .front_learning import FrontLearning
from .interfaces import AntiReplayCache, EventStream, IPBlocklist, Logger, Network
from .users import Users

RelayChoice: TypeAlias = Literal["auto", "native", "pure"]
"""Which relay to use: the native engine, pure Python, or (auto) the engine if it is built."""

AnswerDelay: TypeAlias = Literal["front", "off"]
"""When to answer a client's hello: when the fronting site would have answered, if that is known, or at once."""


class OptionChanges(TypedDict, total=False):
    """The attributes of `ProxyOpts` except the secret, all optional.

    Use it for a function of your own that passes options on: `def make(**changes: Unpack[OptionChanges])`.
    """

    network: Network
    anti_replay_cache: AntiReplayCache
    ip_blocklist: IPBlocklist
    event_stream: EventStream
    logger: Logger
    users: Users | None
    max_user_connections: int | None
    ip_allowlist: IPBlocklist | None
    buffer_size_bytes: int
    concurrency: int
    idle_timeout: float
    tolerate_time_skewness_seconds: float
    prefer_ip: PreferIP
    domain_fronting_port: int
    allow_fallback_on_unknown_dc: bool
    use_test_dcs: bool
    handshake_timeout: float
    frame_timeout: float
    dial_timeout: float
    max_visitors: int | None
    max_visitors_per_network: int
    fast_mode: bool
    drs: bool
    keep_alive: bool
    congestion_control: str | None
    front_learning: FrontLearning | None
    answer_delay: AnswerDelay
    record_urls: Sequence[str]
    record_repeats: int
    record_refresh_seconds: float
    not_sent_low_water_bytes: int | None
    front_network: Network | None
    domain_fronting_ip: str | None
    domain_fronting_host: str | None
    domain_fronting_proxy_protocol: bool
    domain_fronting_default_host: str | None
    domain_fronting_hosts: Mapping[str, FrontAddress]
    proxy_protocol_listener: bool
    proxy_protocol_trusted: Sequence[str] | None
    dc_overrides: Mapping[int, Sequence[str]]
    clock: Callable[[], float]
    relay: RelayChoice
