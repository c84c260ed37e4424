"""An embeddable MTPROTO FakeTLS proxy for Telegram.

A tour: clients authenticate with a `Secret`. `ProxyOpts` holds the settings and the parts: a `Network` that dials, an
`AntiReplayCache`, an `IPBlocklist`, an `EventStream` and a `Logger`. Bring your own, or use the defaults of
`ProxyOpts.with_defaults`. `Proxy` serves listening sockets or single connections.

    secret = mtglib.Secret.generate("example.com")
    async with mtglib.Proxy(mtglib.ProxyOpts.with_defaults(secret)) as proxy:
        await proxy.serve(listener)
"""

from __future__ import annotations

from .constants import (
    CONNECTION_ID_LENGTH_BYTES,
    DEFAULT_BUFFER_SIZE_BYTES,
    DEFAULT_CONCURRENCY,
    DEFAULT_DIAL_TIMEOUT,
    DEFAULT_DOMAIN_FRONTING_PORT,
    DEFAULT_FRAME_TIMEOUT,
    DEFAULT_HANDSHAKE_TIMEOUT,
    DEFAULT_IDLE_TIMEOUT,
    DEFAULT_MAX_VISITORS_PER_NETWORK,
    DEFAULT_PREFER_IP,
    DEFAULT_TOLERATE_TIME_SKEWNESS_SECONDS,
    SECRET_KEY_LENGTH_BYTES,
    TCP_RELAY_READ_TIMEOUT,
    PreferIP,
)
from .errors import (
    AntiReplayCacheIsNotDefinedError,
    ClientError,
    EngineError,
    EventStreamIsNotDefinedError,
    IPAllowlistIsNotDefinedError,
    IPBlocklistIsNotDefinedError,
    LoggerIsNotDefinedError,
    MtglibError,
    NetworkIsNotDefinedError,
    OptionError,
    PartIsNotDefinedError,
    ProxyShutDownError,
    ProxyUseError,
    SecretEmptyError,
    SecretInvalidError,
    UnknownOptionError,
    UpstreamError,
)
from .event_types import (
    Event,
    EventConcurrencyLimited,
    EventConnectedToDC,
    EventDomainFronting,
    EventFinish,
    EventIPBlocklisted,
    EventIPListSize,
    EventReplayAttack,
    EventStart,
    EventTraffic,
    IPAddress,
)
from .front.lessons import FrontAnswer
from .front_address import FrontAddress
from .front_learning import FrontLearning
from .ground.durations import parse_duration
from .ground.endpoints import Endpoint, canonical_ip, host_and_port
from .ground.guarded_logger import GuardedLogger
from .interfaces import AntiReplayCache, Dial, EventStream, IPBlocklist, Logger, Network, Observer
from .links import ProxyLinks, proxy_links
from .option_types import AnswerDelay, OptionChanges, RelayChoice
from .options import ProxyOpts
from .part_check import check_part
from .proxy import Proxy
from .reasons import HANDSHAKE_FAILURES, Reason
from .relay.choice import engine_description, engine_threads
from .roster import Connection, State
from .secret import Secret
from .tunnel import socket_from_streams
from .users import DEFAULT_USER, QuotaPeriod, User, UserLimits, Users, UserUsage

__version__ = "0.1.0"
"""The version of the library and of the program that comes with it."""

__all__ = [
    "CONNECTION_ID_LENGTH_BYTES",
    "DEFAULT_BUFFER_SIZE_BYTES",
    "DEFAULT_CONCURRENCY",
    "DEFAULT_DIAL_TIMEOUT",
    "DEFAULT_DOMAIN_FRONTING_PORT",
    "DEFAULT_FRAME_TIMEOUT",
    "DEFAULT_HANDSHAKE_TIMEOUT",
    "DEFAULT_IDLE_TIMEOUT",
    "DEFAULT_MAX_VISITORS_PER_NETWORK",
    "DEFAULT_PREFER_IP",
    "DEFAULT_TOLERATE_TIME_SKEWNESS_SECONDS",
    "DEFAULT_USER",
    "HANDSHAKE_FAILURES",
    "SECRET_KEY_LENGTH_BYTES",
    "TCP_RELAY_READ_TIMEOUT",
    "AnswerDelay",
    "AntiReplayCache",
    "AntiReplayCacheIsNotDefinedError",
    "ClientError",
    "Connection",
    "Dial",
    "Endpoint",
    "EngineError",
    "Event",
    "EventConcurrencyLimited",
    "EventConnectedToDC",
    "EventDomainFronting",
    "EventFinish",
    "EventIPBlocklisted",
    "EventIPListSize",
    "EventReplayAttack",
    "EventStart",
    "EventStream",
    "EventStreamIsNotDefinedError",
    "EventTraffic",
    "FrontAddress",
    "FrontAnswer",
    "FrontLearning",
    "GuardedLogger",
    "IPAddress",
    "IPAllowlistIsNotDefinedError",
    "IPBlocklist",
    "IPBlocklistIsNotDefinedError",
    "Logger",
    "LoggerIsNotDefinedError",
    "MtglibError",
    "Network",
    "NetworkIsNotDefinedError",
    "Observer",
    "OptionChanges",
    "OptionError",
    "PartIsNotDefinedError",
    "PreferIP",
    "Proxy",
    "ProxyLinks",
    "ProxyOpts",
    "ProxyShutDownError",
    "ProxyUseError",
    "QuotaPeriod",
    "Reason",
    "RelayChoice",
    "Secret",
    "SecretEmptyError",
    "SecretInvalidError",
    "State",
    "UnknownOptionError",
    "UpstreamError",
    "User",
    "UserLimits",
    "UserUsage",
    "Users",
    "__version__",
    "canonical_ip",
    "check_part",
    "engine_description",
    "engine_threads",
    "host_and_port",
    "parse_duration",
    "proxy_links",
    "socket_from_streams",
]
