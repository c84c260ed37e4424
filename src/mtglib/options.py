"""Everything that can be set about a proxy."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping, Sequence
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
from .ground.checks import (
    check_choice,
    check_congestion_control,
    check_flag,
    check_function,
    check_int,
    check_list,
    check_seconds,
)
from .ground.endpoints import canonical_ip, parse_endpoint
from .interfaces import AntiReplayCache, EventStream, IPBlocklist, Logger, Network
from .option_types import OptionChanges, RelayChoice
from .part_check import check_part
from .secret import Secret


@dataclass(kw_only=True, slots=True)
class ProxyOpts:
    """Settings of a `Proxy`; the first six are mandatory, see `with_defaults` for a short cut.

    Durations are seconds. All values are checked here; see `Raises`.

    Attributes:
        secret: Who is let in, and which site the others see.
        network: How Telegram, and the fronting site unless `front_network` is given, are reached.
        anti_replay_cache: Finds hellos that are sent twice.
        ip_blocklist: Clients from these addresses are closed at once.
        event_stream: Where events go.
        logger: Where messages go.
        ip_allowlist: If given, only clients from these addresses are let in.
        buffer_size_bytes: Deprecated, has no effect: connections have no buffers of their own.
        concurrency: Most connections that `serve` handles at once, at least 1. For those above a visitor makes room;
            where there is none, they are closed.
        max_visitors: Most connections at once that aren't clients', or not yet; None: half of `concurrency`. When as
            many are there, the one that has been silent for longest makes room for the next.
        max_visitors_per_network: Most of them from one IPv4 address or /64, once three quarters of `max_visitors` are
            there.
        idle_timeout: A relay ends after so long without a byte moved.
        tolerate_time_skewness_seconds: How far clients' clocks may be off.
        prefer_ip: "prefer-ipv4", "prefer-ipv6", "only-ipv4" or "only-ipv6": addresses of DCs. With "prefer-*",
            the other family is tried beside an address that is silent for 0.25 s.
        domain_fronting_port: The fronting site's port.
        allow_fallback_on_unknown_dc: Connect clients that want an unknown DC to DC 2 instead of closing.
        use_test_dcs: Clients may ask for Telegram's test DCs.
        handshake_timeout: From accept to a complete ClientHello; for so long a visitor who is slow may turn out to be a
            client.
        frame_timeout: From our answer to the client's obfuscated2 frame; then it is closed.
        dial_timeout: For one upstream address; twice that for all addresses of a DC.
        fast_mode: Let DCs encrypt downloads for the client, at no cost here. Whoever sees both legs sees equal
            ciphertext; switch it off where the censor watches the server's uplink, too.
        keep_alive: SO_KEEPALIVE is switched on for a client's socket when the client is authenticated; visitors of the
            fronting site get no probes. The times are the listener's: see `network.SocketOptions.apply`.
        congestion_control: How what is sent to a client is paced, from then on: the kernel's name of an algorithm. One
            that the kernel hasn't got is left out; None: what the kernel does. Visitors get what the kernel does.
        front_network: How the fronting site is reached; None: `network`.
        domain_fronting_ip: The fronting site's address, in place of a look-up of the secret's host.
        domain_fronting_proxy_protocol: Tell the fronting site who asks, with a PROXY protocol v2 header.
        dc_overrides: DC number -> "ip:port" or "[ipv6]:port", in place of the built-in addresses.
        clock: Returns Unix seconds; for tests.
        relay: "native", "pure" (Python), or "auto": native if it was built.

    Raises:
        SecretEmptyError, SecretInvalidError, NetworkIsNotDefinedError, AntiReplayCacheIsNotDefinedError,
        IPBlocklistIsNotDefinedError, IPAllowlistIsNotDefinedError, EventStreamIsNotDefinedError,
        LoggerIsNotDefinedError: That part is missing, lacks a method, or has an `async def` for one that nobody awaits.
        UnknownOptionError: There is no option of this name.
        OptionError: Another value can't work; the message names the option and what is expected.
    """

    secret: Secret
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
    keep_alive: bool = True
    congestion_control: str | None = "bbr"
    front_network: Network | None = None
    domain_fronting_ip: str | None = None
    domain_fronting_proxy_protocol: bool = False
    dc_overrides: Mapping[int, Sequence[str]] = field(default_factory=dict)
    clock: Callable[[], float] = time.time
    relay: RelayChoice = "auto"

    @classmethod
    def with_defaults(cls, secret: Secret, **changes: Unpack[OptionChanges]) -> ProxyOpts:
        """Make options out of a secret and the parts that come with mtglib.

        Direct connections, an exact memory of hellos that a restart empties, no lists, no events. Messages go to the
        standard library's logger "mtglib", which shows warnings on stderr where nobody has set up `logging`;
        `mtglib.noop.NoopLogger` says nothing. `changes` are this class's attributes.
        """
        from .defaults import default_parts  # here, as only who wants these parts imports them

        given: dict[str, Any] = {**default_parts(), **changes}
        return cls(secret=secret, **given)

    def __new__(cls, *_arguments: Any, **options: Any) -> Self:
        """Refuse an option that there isn't, before `__init__` would in fewer words."""
        names = [each.name for each in fields(cls)]
        for name in options:
            if name not in names:
                raise UnknownOptionError(name, names)
        return object.__new__(cls)

    def __post_init__(self) -> None:
        _check_secret(self.secret)
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
        check_int("concurrency", self.concurrency)
        if self.max_visitors is not None:
            check_int("max_visitors", self.max_visitors)
        check_int("max_visitors_per_network", self.max_visitors_per_network)
        check_int("domain_fronting_port", self.domain_fronting_port, 65535)
        check_choice("prefer_ip", self.prefer_ip, get_args(PreferIP))
        check_choice("relay", self.relay, get_args(RelayChoice))
        check_congestion_control("congestion_control", self.congestion_control)
        if self.domain_fronting_ip is not None and canonical_ip(str(self.domain_fronting_ip)) is None:
            raise OptionError("domain_fronting_ip", "an IP address", self.domain_fronting_ip)
        check_function("clock", self.clock, "Unix seconds")
        if (dc := self.dc_table().unreachable()) is not None:
            raise OptionError("prefer_ip", f"a value that leaves DC {dc} with an address", self.prefer_ip)

    def dc_table(self) -> DCTable:
        """Make the table of DCs that these options describe.

        Raises:
            OptionError: `dc_overrides` can't be understood.
        """
        return DCTable(
            self.prefer_ip,
            use_test_dcs=self.use_test_dcs,
            allow_fallback=self.allow_fallback_on_unknown_dc,
            overrides=_parse_overrides(self.dc_overrides),
        )


_SIGNATURE = inspect.signature(ProxyOpts.__init__)
# Else the signature would be that of `__new__`, which names no option.
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
    *("fast_mode", "keep_alive", "domain_fronting_proxy_protocol"),
)


def _check_secret(secret: Any) -> None:
    if secret is None:
        raise SecretEmptyError
    if not isinstance(secret, Secret):
        raise SecretInvalidError(f"a Secret, got {type(secret).__name__}")
    secret.checked()


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
