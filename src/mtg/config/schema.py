"""Every key of the configuration file with its type, default and bounds.

A field is the key in kebab-case (`bind_to` is `bind-to`); a section is a class. `None` means "not set", which a text
key may also write as "". The docs and the example configuration say what a key does; this module defines only its type
and limits. The part that uses it may have narrower ones (`mtg.build`).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any

from msgspec import Meta, Struct

from mtg.config.addresses import IPPort, IPText, Listen, NetworkText
from mtg.config.urls import PageURL, PrivateURL
from mtg.config.values import (
    MSS_BOUNDS,
    AnswerDelayWord,
    Directory,
    Duration,
    HTTPPath,
    LearningPause,
    LogLevelWord,
    NotSentSize,
    PreferIPWord,
    RaidPause,
    ReplayCacheKind,
    Size,
    TagFormatWord,
    WindowSize,
)
from mtglib import Secret

Port = Annotated[int, Meta(ge=1, le=65535, description="a port from 1 to 65535")]
Positive = Annotated[int, Meta(ge=1, le=10**9, description="a whole number from 1 to 1000000000")]
KeepAliveCount = Annotated[int, Meta(ge=1, le=10**9, description="a whole number from 1 to 127")]
DownloadConcurrency = Annotated[int, Meta(ge=1, le=10**9, description="a whole number from 1 to 1000")]
"""These two accept larger numbers than they describe. The part itself refuses those in the same words,
but only if it is switched on."""

Repeats = Annotated[int, Meta(ge=1, le=1000, description="a whole number from 1 to 1000")]
FrontSamples = Annotated[int, Meta(ge=1, le=64, description="a whole number from 1 to 64")]
MSS = Annotated[int, Meta(description=f"0, or a whole number from {MSS_BOUNDS[0]} to {MSS_BOUNDS[1]}")]

DCNumber = Annotated[int, Meta(ge=1, le=10**9, description="a DC number of at least 1")]

ONE_OR_MANY = "one-or-many"
"""Marks a list that may be written as its only element."""


class Section(Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", kw_only=True):
    """A TOML table with known keys. Subclasses repeat `frozen=True`, as type checkers don't inherit it."""


class DomainFrontingSection(Section, frozen=True):
    """The site that everyone who isn't a client is shown."""

    host: str | None = None
    ip: IPText | None = None
    port: Port = 443
    proxy_protocol: bool = False


class TimeoutSection(Section, frozen=True):
    """Time-outs in seconds; what each bounds: docs of `mtglib.ProxyOpts`."""

    tcp: Duration = Duration(5)
    http: Duration = Duration(10)
    idle: Duration = Duration(300)
    handshake: Duration = Duration(10)
    frame: Duration = Duration(30)


class KeepAliveSection(Section, frozen=True):
    """TCP keep-alive of connections to clients and to Telegram."""

    disabled: bool = False
    idle: Duration = Duration(15)
    interval: Duration = Duration(15)
    count: KeepAliveCount = 9


class ClientTCPSection(Section, frozen=True):
    """What the listeners' SYN-ACKs say; 0 is the system's."""

    mss: MSS = 0
    window: WindowSize = WindowSize(0)


class NetworkSection(Section, frozen=True):
    """How the program makes outgoing connections."""

    dns: str = "https://1.1.1.1"
    doh_ip: IPText | None = None
    proxies: tuple[PrivateURL, ...] = ()
    tcp_not_sent_lowat: NotSentSize = NotSentSize(128 * 1024)
    timeout: TimeoutSection = TimeoutSection()
    keep_alive: KeepAliveSection = KeepAliveSection()
    client_tcp: ClientTCPSection = ClientTCPSection()


class DoppelgangerSection(Section, frozen=True):
    """Record sizes and delays: learnt from a real site, if there are `urls`, else those that `drs` asks for."""

    urls: tuple[PageURL, ...] = ()
    repeats_per_raid: Repeats = 10
    raid_each: RaidPause = RaidPause(6 * 3600)
    drs: bool = False


class AntiReplaySection(Section, frozen=True):
    """Memory of seen hellos. `max-size` and `error-rate` are for the bloom filter only, `remember` for Redis only."""

    enabled: bool = True
    max_size: Size = Size(2**20)
    error_rate: float = 0.001
    kind: ReplayCacheKind = ReplayCacheKind("exact")
    max_entries: int = 1_000_000
    remember: Duration = Duration(7 * 24 * 3600)
    url: PrivateURL | None = None


class IPListSection(Section, frozen=True):
    """A downloaded list of networks."""

    enabled: bool = False
    download_concurrency: DownloadConcurrency = 2
    urls: tuple[PrivateURL, ...] = ()
    update_each: Duration = Duration(24 * 3600)


class LimitsSection(Section, frozen=True):
    """Limits for connections that aren't clients', or aren't authenticated yet; default: `concurrency` / 2."""

    visitors: Positive | None = None
    per_network: Positive = 256


class FrontLearningSection(Section, frozen=True):
    """Learning how the fronting site answers clients' hellos."""

    enabled: bool = True
    each: LearningPause = LearningPause(4 * 3600)
    samples: FrontSamples = 3
    answer_delay: AnswerDelayWord = AnswerDelayWord("front")


class DefenseSection(Section, frozen=True):
    """Which connections are accepted, and what they are answered."""

    front_learning: FrontLearningSection = FrontLearningSection()
    doppelganger: DoppelgangerSection = DoppelgangerSection()
    anti_replay: AntiReplaySection = AntiReplaySection()
    blocklist: IPListSection = IPListSection()
    allowlist: IPListSection = IPListSection()
    limits: LimitsSection = LimitsSection()
    cache_directory: Directory | None = None


class StatsdSection(Section, frozen=True):
    """Metrics pushed over UDP."""

    enabled: bool = False
    address: IPPort | None = None
    metric_prefix: str = "mtg"
    tag_format: TagFormatWord = TagFormatWord("datadog")


class PrometheusSection(Section, frozen=True):
    """Metrics fetched over HTTP."""

    enabled: bool = False
    bind_to: IPPort | None = None
    http_path: HTTPPath = HTTPPath("/")
    metric_prefix: str = "mtg"


class StatsSection(Section, frozen=True):
    """Where metrics are exported."""

    statsd: StatsdSection = StatsdSection()
    prometheus: PrometheusSection = PrometheusSection()


class Config(Section, frozen=True):
    """A whole configuration.

    After `mtg.config.load`, deprecated keys that have a successor are None, `log_level` is "debug" if `debug` is
    true, and `secret` is set if there is no problem with it.
    """

    debug: bool = False
    log_level: LogLevelWord = LogLevelWord("warning")
    secret: Secret | None = None
    secret_file: str | None = None
    bind_to: Annotated[tuple[Listen, ...], Meta(min_length=1, extra={ONE_OR_MANY: True})] = ()
    proxy_protocol_listener: bool = False
    proxy_protocol_trusted: Annotated[tuple[NetworkText, ...], Meta(min_length=1)] | None = None
    concurrency: Positive = 8192
    prefer_ip: PreferIPWord = PreferIPWord("prefer-ipv6")
    public_ipv4: IPv4Address | None = None
    public_ipv6: IPv6Address | None = None
    auto_update: bool = False
    tolerate_time_skewness: Duration = Duration(5)
    allow_fallback_on_unknown_dc: bool = False
    fast_mode: bool = True
    mask_client_addresses: bool = False
    state_directory: Directory | None = None
    domain_fronting: DomainFrontingSection = DomainFrontingSection()
    network: NetworkSection = NetworkSection()
    defense: DefenseSection = DefenseSection()
    stats: StatsSection = StatsSection()
    dc_overrides: dict[DCNumber, Annotated[tuple[IPPort, ...], Meta(min_length=1)]] = {}
    users: tuple[dict[str, Any], ...] = ()
    # deprecated by mtg 2.x itself
    domain_fronting_port: Port | None = None
    domain_fronting_ip: IPText | None = None
    domain_fronting_proxy_protocol: bool | None = None
    tcp_buffer: Size | None = None
