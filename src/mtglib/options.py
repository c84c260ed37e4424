"""The settings of a proxy."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, fields
from typing import Any, Self, Unpack, get_args

from . import constants
from .constants import PreferIP
from .dc import DCAddress, DCTable
from .errors import (
    AntiReplayCacheIsNotDefinedError,
    EventStreamIsNotDefinedError,
    IPAllowlistIsNotDefinedError,
    IPBlocklistIsNotDefinedError,
    LoggerIsNotDefinedError,
    NetworkIsNotDefinedError,
    OptionError,
    PartIsNotDefinedError,
    SecretEmptyError,
    SecretInvalidError,
    UnknownOptionError,
)
from .front_address import FrontAddress
from .front_learning import FrontLearning
from .ground.checks import (
    check_choice,
    check_congestion_control,
    check_flag,
    check_function,
    check_int,
    check_list,
    check_seconds,
)
from .ground.endpoints import IPNetwork, canonical_ip, parse_endpoint, parse_network
from .ground.urls import check_host
from .interfaces import AntiReplayCache, EventStream, IPBlocklist, Logger, Network
from .option_types import AnswerDelay, OptionChanges, RelayChoice
from .page_urls import parse_page_urls
from .part_check import check_part
from .secret import Secret
from .users import Users


@dataclass(kw_only=True, slots=True)
class ProxyOpts:
    """Settings of a `Proxy`. The first six are mandatory; `with_defaults` is a shortcut.

    Durations are in seconds. All values are validated when the object is created.

    Attributes:
        secret: Authenticates clients, and names the site that everyone else sees. It makes one user, "default".
        users: Several users, instead of `secret`. Each has a secret of its own; they may have different sites. They may
            change while the proxy runs.
        max_user_connections: The most connections of all users together. When they are reached, users with few may
            have more, and those with many get no new ones, so that they share the rest equally. None: no limit.
        network: Makes the connections to Telegram, and to the fronting site unless `front_network` is given.
        anti_replay_cache: Detects hellos that are sent a second time.
        ip_blocklist: Connections from these addresses are closed immediately.
        event_stream: Receives events.
        logger: Gets the log messages.
        ip_allowlist: If given, only connections from these addresses are let in.
        buffer_size_bytes: Deprecated, has no effect: connections have no buffers of their own.
        concurrency: The most connections that `serve` handles at once, at least 1. Beyond that, a visitor is evicted
            for each new connection; if there are none, it is closed.
        max_visitors: The most connections at once that aren't from clients, or aren't authenticated yet, at most
            `concurrency`; None: half of it. Beyond that, one of the network with the most visitors is evicted for each
            new one.
        max_visitors_per_network: The most visitors from one IPv4 address or IPv6 /64; applies once there are three
            quarters of `max_visitors`.
        idle_timeout: A relay ends after this long without any traffic; one to the fronting site never before 600 s.
        tolerate_time_skewness_seconds: How far a client's clock may be off, either way.
        prefer_ip: Which addresses of DCs to dial: "prefer-ipv4", "prefer-ipv6", "only-ipv4" or "only-ipv6". With
            "prefer-*", the other family is tried in parallel once an address hasn't answered for 0.25 s.
        domain_fronting_port: The fronting site's port.
        allow_fallback_on_unknown_dc: Connect clients that ask for an unknown DC to DC 2 instead of closing the
            connection.
        use_test_dcs: Clients may ask for Telegram's test DCs.
        handshake_timeout: The time from accept to a complete ClientHello; until then a slow visitor may still turn out
            to be a client. A PROXY header has the same time for itself.
        frame_timeout: The time from our answer to the client's obfuscated2 frame; then the connection is closed.
        dial_timeout: The time to connect to one upstream address; twice that is the limit for all addresses of a DC.
        fast_mode: Let DCs encrypt downloads for the client, so that the proxy doesn't have to. The ciphertext is then
            the same on both legs: switch this off if the censor also watches the server's uplink.
        drs: Cut downloads into records as servers with dynamic record sizing do: short ones at first and after a pause
            of a second, full ones later.
        keep_alive: Switch SO_KEEPALIVE on for a client's socket once the client is authenticated; visitors of the
            fronting site get no keep-alive probes. The times come from the listener: see `network.SocketOptions.apply`.
        congestion_control: The congestion control algorithm for data sent to an authenticated client, by the kernel's
            name for it. If the kernel doesn't have it, or with None, the kernel's default is used. Instead of BBR,
            clients on this machine get reno: pacing is only a cost there. Visitors always get the kernel's default.
        front_learning: Learn how the fronting site answers clients' hellos, by sending it a few of the same shape once
            the first client has come, and answer clients in the same way. None: answer as most sites do.
        answer_delay: "front": where `front_learning` knows how long the fronting site takes, a client's answer waits
            until a visitor would have got the site's, for 200 ms at most. "off": it never waits.
        record_urls: Pages of the fronting site, `https://` and the secret's host, at most 100. They are loaded when a
            client comes, one at a time, and their records' sizes and the pauses between them are what later clients
            get in downloads, instead of those of `drs`. The last bytes of a burst may come 26 ms later; no connection
            falls under 20 Mbit/s. With a directory in `front_learning`, what was learnt is kept there, too.
        record_repeats: How often each of them is loaded, 1 to 1000; the latest 64 loads count.
        record_refresh_seconds: How long after that they are loaded again, at least 60 s, give or take a fifth.
        not_sent_low_water_bytes: How much the kernel may hold for a peer before it can be sent, in either direction. A
            lower limit of a socket stays. None: no limit but the sockets' own, see `network.SocketOptions`.
        front_network: Makes the connections to the fronting site; None: `network`.
        domain_fronting_ip: The fronting site's address, instead of looking up the secret's host.
        domain_fronting_host: Another name or IP address to reach the fronting site at, instead of `domain_fronting_ip`.
            Clients and visitors still ask for the secret's host.
        domain_fronting_default_host: The site of visitors who ask for none of the users' sites; None: that of the first
            user. Needed if there are no users at first.
        domain_fronting_hosts: Where some of the sites are reached, by name, instead of what the options
            `domain_fronting_port`, `_ip`, `_host` and `_proxy_protocol` say.
        domain_fronting_proxy_protocol: Tell the fronting site the visitor's address, with a PROXY protocol v2 header.
        proxy_protocol_listener: Connections of `serve` come through a balancer, which tells the client's address with a
            PROXY protocol header, v1 or v2. A connection without a valid header is reset. IP lists, limits, events and
            the fronting site see the header's addresses. Connections of `serve_conn` have no header.
        proxy_protocol_trusted: The balancers' networks, such as "10.0.0.0/8", or addresses. Connections from elsewhere
            have no header and come from where they come; those of Unix sockets always have one. None: everyone is
            trusted, so anyone who can connect can claim any address.
        dc_overrides: DC number -> list of "ip:port" or "[ipv6]:port", instead of the built-in addresses.
        clock: Returns Unix seconds; for tests.
        relay: "native", "pure" (Python), or "auto": native if it is built, otherwise pure.

    Raises:
        SecretEmptyError, SecretInvalidError: The secret is missing or invalid.
        NetworkIsNotDefinedError, AntiReplayCacheIsNotDefinedError, IPBlocklistIsNotDefinedError: That part is missing,
            lacks a method, or has an `async def` where a plain function is expected.
        IPAllowlistIsNotDefinedError, EventStreamIsNotDefinedError, LoggerIsNotDefinedError: The same, for these parts.
        UnknownOptionError: There is no option of this name.
        OptionError: Another value is invalid; the message names the option and says what is expected.
    """

    secret: Secret | None = None
    network: Network
    anti_replay_cache: AntiReplayCache
    ip_blocklist: IPBlocklist
    event_stream: EventStream
    logger: Logger

    ip_allowlist: IPBlocklist | None = None
    buffer_size_bytes: int = constants.DEFAULT_BUFFER_SIZE_BYTES
    concurrency: int = constants.DEFAULT_CONCURRENCY
    idle_timeout: float = constants.DEFAULT_IDLE_TIMEOUT
    tolerate_time_skewness_seconds: float = constants.DEFAULT_TOLERATE_TIME_SKEWNESS_SECONDS
    prefer_ip: PreferIP = constants.DEFAULT_PREFER_IP
    domain_fronting_port: int = constants.DEFAULT_DOMAIN_FRONTING_PORT
    allow_fallback_on_unknown_dc: bool = False
    use_test_dcs: bool = False

    handshake_timeout: float = constants.DEFAULT_HANDSHAKE_TIMEOUT
    frame_timeout: float = constants.DEFAULT_FRAME_TIMEOUT
    dial_timeout: float = constants.DEFAULT_DIAL_TIMEOUT
    max_visitors: int | None = None
    max_visitors_per_network: int = constants.DEFAULT_MAX_VISITORS_PER_NETWORK
    fast_mode: bool = True
    drs: bool = False
    keep_alive: bool = True
    congestion_control: str | None = "bbr"
    front_learning: FrontLearning | None = field(default_factory=FrontLearning)
    answer_delay: AnswerDelay = "front"
    record_urls: Sequence[str] = ()
    record_repeats: int = constants.DEFAULT_RECORD_REPEATS
    record_refresh_seconds: float = constants.DEFAULT_RECORD_REFRESH_SECONDS
    not_sent_low_water_bytes: int | None = constants.DEFAULT_NOT_SENT_LOW_WATER_BYTES
    front_network: Network | None = None
    domain_fronting_ip: str | None = None
    domain_fronting_host: str | None = None
    domain_fronting_proxy_protocol: bool = False
    users: Users | None = None
    max_user_connections: int | None = None
    domain_fronting_default_host: str | None = None
    domain_fronting_hosts: Mapping[str, FrontAddress] = field(default_factory=dict)
    proxy_protocol_listener: bool = False
    proxy_protocol_trusted: Sequence[str] | None = None
    dc_overrides: Mapping[int, Sequence[str]] = field(default_factory=dict)
    clock: Callable[[], float] = time.time
    relay: RelayChoice = "auto"

    @classmethod
    def with_defaults(cls, secret: Secret | None = None, **changes: Unpack[OptionChanges]) -> ProxyOpts:
        """Make options from a secret, or with `users` instead, with defaults for the parts.

        The defaults are direct connections, an exact anti-replay cache in memory (a restart empties it), no IP lists
        and no events. Messages go to the standard library's logger "mtglib", which shows warnings on stderr if
        `logging` isn't configured; pass `mtglib.noop.NoopLogger` for silence. `changes` are attributes of this class.
        """
        from .defaults import default_parts  # imported here, for callers that want these parts only

        given: dict[str, Any] = {**default_parts(), **changes}
        return cls(secret=secret, **given)

    def __new__(cls, *_arguments: Any, **options: Any) -> Self:
        """Reject an unknown option, with a more helpful message than that of `__init__`."""
        names = [each.name for each in fields(cls)]
        for name in options:
            if name not in names:
                raise UnknownOptionError(name, names)
        return object.__new__(cls)

    def __post_init__(self) -> None:
        self._check_users()
        for name, interface, error in _PARTS:
            check_part(name, getattr(self, name), interface, error)
        if self.ip_allowlist is not None:
            check_part("ip_allowlist", self.ip_allowlist, IPBlocklist, IPAllowlistIsNotDefinedError)
        if self.front_network is not None:
            check_part("front_network", self.front_network, Network, NetworkIsNotDefinedError)
        for name in _DURATIONS:
            check_seconds(name, getattr(self, name))
        for name in _FLAGS:
            check_flag(name, getattr(self, name))
        if self.front_learning is not None and not isinstance(self.front_learning, FrontLearning):
            expected = "a FrontLearning, or None to learn nothing"
            raise OptionError("front_learning", f"{expected}, got {type(self.front_learning).__name__}")
        check_int("concurrency", self.concurrency)
        if self.max_visitors is not None:
            check_int("max_visitors", self.max_visitors)
            if self.max_visitors > self.concurrency:
                expected = f"at most concurrency, which is {self.concurrency}"
                raise OptionError("max_visitors", expected, self.max_visitors)
        check_int("max_visitors_per_network", self.max_visitors_per_network)
        check_int("domain_fronting_port", self.domain_fronting_port, 65535)
        check_int("record_repeats", self.record_repeats, 1000)
        check_seconds("record_refresh_seconds", self.record_refresh_seconds, least=60)
        check_choice("prefer_ip", self.prefer_ip, get_args(PreferIP))
        check_choice("answer_delay", self.answer_delay, get_args(AnswerDelay))
        check_choice("relay", self.relay, get_args(RelayChoice))
        check_congestion_control("congestion_control", self.congestion_control)
        if self.not_sent_low_water_bytes is not None:
            check_int("not_sent_low_water_bytes", self.not_sent_low_water_bytes)
        if self.domain_fronting_ip is not None and canonical_ip(str(self.domain_fronting_ip)) is None:
            raise OptionError("domain_fronting_ip", "an IP address", self.domain_fronting_ip)
        if self.domain_fronting_host is not None:
            check_host("domain_fronting_host", self.domain_fronting_host)
            if self.domain_fronting_ip is not None:
                raise OptionError("domain_fronting_host", "only one of domain_fronting_ip and domain_fronting_host")
        parse_page_urls(self.record_urls, self.sites())
        self.trusted_networks()  # checks
        check_function("clock", self.clock, "Unix seconds")
        if (dc := self.dc_table().unreachable()) is not None:
            raise OptionError("prefer_ip", f"a value that leaves DC {dc} with an address", self.prefer_ip)

    @property
    def checked_secret(self) -> Secret:
        """The secret.

        Raises:
            SecretEmptyError, SecretInvalidError: It is missing or invalid.
        """
        return _checked_secret(self.secret)

    @property
    def default_host(self) -> str:
        """The site of visitors who ask for none of the users' sites."""
        if self.domain_fronting_default_host is not None:
            return self.domain_fronting_default_host
        if self.secret is not None:
            return self.secret.host
        assert self.users is not None
        return next(iter(self.users)).secret.host

    def sites(self) -> dict[str, FrontAddress]:
        """Return all fronting sites, by their names in lower case, and where they are reached."""
        users = () if self.users is None else tuple(self.users)
        names = (self.default_host, *(user.secret.host for user in users))
        return {name.lower(): self.front_address(name) for name in names}

    def front_address(self, site: str) -> FrontAddress:
        """Return where a site is reached."""
        for name, address in self.domain_fronting_hosts.items():
            if name.lower() == site.lower():
                return address
        return FrontAddress(
            host=self.domain_fronting_host,
            ip=self.domain_fronting_ip,
            port=self.domain_fronting_port,
            proxy_protocol=self.domain_fronting_proxy_protocol,
        )

    def _check_users(self) -> None:
        users: Any = self.users
        if users is None:
            _checked_secret(self.secret)
        elif self.secret is not None:
            raise OptionError("users", "only one of secret and users")
        elif not isinstance(users, Users):
            raise OptionError("users", f"Users, got {type(users).__name__}")
        if self.max_user_connections is not None:
            check_int("max_user_connections", self.max_user_connections)
        if self.domain_fronting_default_host is not None:
            check_host("domain_fronting_default_host", self.domain_fronting_default_host)
        elif users is not None and not users:
            raise OptionError("domain_fronting_default_host", "a site for visitors, as there are no users")
        addresses: Any = self.domain_fronting_hosts
        if not isinstance(addresses, Mapping) or not all(isinstance(one, FrontAddress) for one in addresses.values()):
            raise OptionError("domain_fronting_hosts", "a mapping of sites' names to FrontAddress")

    def dc_table(self) -> DCTable:
        """Make the DC table for these options.

        Raises:
            OptionError: `dc_overrides` is invalid.
        """
        return DCTable(
            self.prefer_ip,
            use_test_dcs=self.use_test_dcs,
            allow_fallback=self.allow_fallback_on_unknown_dc,
            overrides=_parse_overrides(self.dc_overrides),
        )

    def trusted_networks(self) -> tuple[IPNetwork, ...] | None:
        """Parse `proxy_protocol_trusted`.

        Raises:
            OptionError: It is invalid.
        """
        if self.proxy_protocol_trusted is None:
            return None
        check_list("proxy_protocol_trusted", self.proxy_protocol_trusted, "networks")
        return tuple(_parse_trusted(index, network) for index, network in enumerate(self.proxy_protocol_trusted))


def checked_copy(opts: Any) -> ProxyOpts:
    """Copy options, and check them again: they may have been changed since they were made.

    Raises:
        OptionError: A value is invalid, or they aren't options.
    """
    if not isinstance(opts, ProxyOpts):
        expected = "ProxyOpts, such as ProxyOpts.with_defaults(secret)"
        raise OptionError("opts", f"{expected}, got {type(opts).__name__}")
    copied: ProxyOpts = copy(opts)
    copied.__post_init__()
    return copied


_SIGNATURE = inspect.signature(ProxyOpts.__init__)
# Otherwise the signature would be that of `__new__`, which names no option.
setattr(ProxyOpts, "__signature__", _SIGNATURE.replace(parameters=list(_SIGNATURE.parameters.values())[1:]))  # noqa: B010

_PARTS: tuple[tuple[str, type, type[PartIsNotDefinedError]], ...] = (
    ("network", Network, NetworkIsNotDefinedError),
    ("anti_replay_cache", AntiReplayCache, AntiReplayCacheIsNotDefinedError),
    ("ip_blocklist", IPBlocklist, IPBlocklistIsNotDefinedError),
    ("event_stream", EventStream, EventStreamIsNotDefinedError),
    ("logger", Logger, LoggerIsNotDefinedError),
)
_DURATIONS = (
    *("idle_timeout", "tolerate_time_skewness_seconds"),
    *("handshake_timeout", "frame_timeout", "dial_timeout"),
)
_FLAGS = (
    *("allow_fallback_on_unknown_dc", "use_test_dcs"),
    *("fast_mode", "drs", "keep_alive", "domain_fronting_proxy_protocol", "proxy_protocol_listener"),
)


def _checked_secret(secret: Any) -> Secret:
    if secret is None:
        raise SecretEmptyError
    if not isinstance(secret, Secret):
        raise SecretInvalidError(f"a Secret, got {type(secret).__name__}")
    return secret.checked()


def _parse_trusted(index: int, network: Any) -> IPNetwork:
    try:
        return parse_network(network)
    except (TypeError, ValueError):
        expected = 'a network such as "10.0.0.0/8", with zeros behind its prefix, or an IP address'
        raise OptionError(f"proxy_protocol_trusted[{index}]", expected, network) from None


def _parse_overrides(overrides: Any) -> dict[int, tuple[DCAddress, ...]]:
    if not isinstance(overrides, Mapping):
        raise OptionError("dc_overrides", "a mapping of DC numbers to addresses", overrides)
    parsed = {}
    for dc, addresses in overrides.items():
        name = f"dc_overrides[{dc!r}]"
        check_int(name, dc)
        check_list(name, addresses, '"ip:port"')
        try:
            parsed[dc] = tuple(DCAddress(*parse_endpoint(address)) for address in addresses)
        except (ValueError, AttributeError, TypeError):
            raise OptionError(name, '"ip:port" or "[ipv6]:port" with a port from 1 to 65535', addresses) from None
    return parsed
