"""Rules for keys: required ones, combinations, deprecated names, and keys of features that don't exist yet.

It is pure: tables in, lines out. Ignoring a key that the operator relies on would be worse than rejecting it (ignoring
`proxies` would dial Telegram directly), so a key without its feature is accepted only if its value asks for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from msgspec.structs import replace

import mtglib
from mtg.config.addresses import ListenIP, ListenUnix
from mtg.config.redaction import redact
from mtg.config.schema import AntiReplaySection, Config
from mtg.config.values import MSS_BOUNDS, WINDOW_BOUNDS_BYTES, LogLevelWord, ReplayCacheKind
from mtg.config.written import given

LEAST_UPDATE_EACH_SECONDS = 60.0
LEAST_REMEMBER_SECONDS = 3600.0


@dataclass(slots=True)
class Findings:
    """Messages about a configuration, one line each; only `problems` end the program."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def settle(config: Config, table: Mapping[str, Any], findings: Findings) -> Config:
    """Apply all rules; returns the configuration with deprecated keys moved to where they belong.

    `config` was built from `table`, which still tells a key that was given from one at its default.
    """
    _required(config, table, findings.problems)
    findings.problems += [f"{key}: not supported yet" for key, asks in PENDING if asks(config)]
    _companions(config, table, findings.problems)
    _too_short(config, findings.problems)
    _client_tcp(config, findings.problems)
    config = _rename_kind(_log_level(config, table, findings.problems), findings)
    _notes(config, findings.warnings)
    config = _merge_dns(_merge_twins(config, table, findings), table, findings)
    config = _prefer_host(config, findings.warnings)
    _circle(config, findings.problems)
    return config


def _required(config: Config, table: Mapping[str, Any], problems: list[str]) -> None:
    if "secret" in table and "secret-file" in table:
        problems.append("secret-file: expected only one of secret and secret-file, got both")
    elif not table.get("secret-file") and "secret" not in table:
        problems.append("secret: missing; `mtg generate-secret HOST` makes one")
    if "bind-to" not in table:
        problems.append('bind-to: missing; expected IP:port such as "0.0.0.0:3128"')
    for index, listen in enumerate(config.bind_to):
        if listen in config.bind_to[:index]:
            problems.append(f"bind-to[{index}]: {redact(str(listen))} is listed twice")
    metrics = config.stats.prometheus
    if metrics.enabled and metrics.bind_to is not None and str(metrics.bind_to) in map(str, config.bind_to):
        problems.append(f"stats.prometheus.bind-to: {metrics.bind_to} is already in bind-to")


def _companions(config: Config, table: Mapping[str, Any], problems: list[str]) -> None:
    """Report enabled features that lack another key; invalid keys have already been reported."""
    defense, stats = config.defense, config.stats
    for key, is_needed, expected in (
        (
            "defense.anti-replay.url",
            defense.anti_replay.enabled and defense.anti_replay.kind == "redis",
            'expected "redis://host:port", as kind is redis',
        ),
        ("stats.statsd.address", stats.statsd.enabled, 'expected IP:port such as "127.0.0.1:8125"'),
        ("stats.prometheus.bind-to", stats.prometheus.enabled, 'expected IP:port such as "127.0.0.1:3129"'),
        ("defense.allowlist.urls", defense.allowlist.enabled, "without a list, nobody could connect"),
    ):
        if is_needed and not given(table, key):
            problems.append(f"{key}: missing; {expected}")


def _too_short(config: Config, problems: list[str]) -> None:
    """Report durations that are valid, but too short to be useful."""
    if config.defense.anti_replay.remember < LEAST_REMEMBER_SECONDS:
        problems.append(
            "defense.anti-replay.remember: expected at least 1h: a recorded hello can be replayed at any time"
        )
    for name, ip_list in (("blocklist", config.defense.blocklist), ("allowlist", config.defense.allowlist)):
        if ip_list.update_each < LEAST_UPDATE_EACH_SECONDS:
            problems.append(f"defense.{name}.update-each: expected at least 1m, so as not to burden the list's server")


def _client_tcp(config: Config, problems: list[str]) -> None:
    """Report what the kernel would refuse, or change without a word."""
    settings = config.network.client_tcp
    for name, value, (least, most), unit in (
        ("mss", settings.mss, MSS_BOUNDS, "a whole number"),
        ("window", settings.window, WINDOW_BOUNDS_BYTES, "a size in bytes"),
    ):
        if value and not least <= value <= most:
            expected = f"0, or {unit} from {least} to {most}"
            problems.append(f"network.client-tcp.{name}: expected {expected}, got {value:d}")


def _log_level(config: Config, table: Mapping[str, Any], problems: list[str]) -> Config:
    """Return the configuration with the level that `debug`, mtg's key, asks for."""
    if not config.debug:
        return config
    if "log-level" in table and config.log_level != "debug":
        problems.append(f'log-level: expected "debug" or nothing, as debug is true, got "{config.log_level}"')
    return replace(config, log_level=LogLevelWord("debug"))


def _circle(config: Config, problems: list[str]) -> None:
    """Report a site whose address is the proxy's own: each visitor would be led back to us."""
    front = config.domain_fronting
    key = "ip" if front.host is None else "host"
    ip = mtglib.canonical_ip(front.host or front.ip or "")
    if ip is None:
        return
    where = mtglib.host_and_port(str(ip), front.port)
    problems += [
        f"domain-fronting.{key}: {where} is this proxy itself, which listens on {listen}; expected the site's address"
        for listen in config.bind_to
        if isinstance(listen, ListenIP) and listen.port == front.port and _takes(listen, ip, config)
    ]


def _takes(listen: ListenIP, ip: IPv4Address | IPv6Address, config: Config) -> bool:
    """Return whether a listener gets connections to an IP address of this machine and its port."""
    if not listen.ip.is_unspecified:
        return mtglib.canonical_ip(listen.host) == ip
    if not ip.is_loopback:  # we don't know whether it is an address of this machine
        return False
    return listen.ip.version == ip.version or (listen.ip.version == 6 and not listen.has_v4_beside(config.bind_to))


def _rename_kind(config: Config, findings: Findings) -> Config:
    """Give the kind of anti-replay cache its new name."""
    if config.defense.anti_replay.kind != "window":
        return config
    findings.warnings.append('defense.anti-replay.kind: "window" is deprecated, use "exact"')
    exact = replace(config.defense.anti_replay, kind=ReplayCacheKind("exact"))
    return replace(config, defense=replace(config.defense, anti_replay=exact))


def _merge_dns(config: Config, table: Mapping[str, Any], findings: Findings) -> Config:
    """Move `network.doh-ip` to `network.dns`."""
    network, doh_ip = config.network, config.network.doh_ip
    if doh_ip is None:
        return config
    findings.warnings.append("network.doh-ip: deprecated, use network.dns")
    dns = f"https://[{doh_ip}]" if ":" in doh_ip else f"https://{doh_ip}"
    written = table.get("network")
    if isinstance(written, dict) and "dns" in written and network.dns != dns:
        findings.problems.append("network.doh-ip: differs from network.dns; delete network.doh-ip, the old name")
    return replace(config, network=replace(network, dns=dns, doh_ip=None))


def _merge_twins(config: Config, table: Mapping[str, Any], findings: Findings) -> Config:
    """Move `domain-fronting-port` to `[domain-fronting] port` and so on."""
    section = table.get("domain-fronting")
    written = section if isinstance(section, dict) else {}
    moved: dict[str, Any] = {}
    for key in ("port", "ip", "proxy-protocol"):
        name = key.replace("-", "_")
        old = getattr(config, f"domain_fronting_{name}")
        if old is None:
            continue
        findings.warnings.append(f"domain-fronting-{key}: deprecated, use domain-fronting.{key}")
        if key in written and old != getattr(config.domain_fronting, name):
            findings.problems.append(
                f"domain-fronting-{key}: differs from domain-fronting.{key}; delete domain-fronting-{key}, the old name"
            )
        moved[name] = old
    return replace(
        config,
        domain_fronting=replace(config.domain_fronting, **moved),
        domain_fronting_port=None,
        domain_fronting_ip=None,
        domain_fronting_proxy_protocol=None,
    )


def _prefer_host(config: Config, warnings: list[str]) -> Config:
    """Drop `domain-fronting.ip` if there is a host to use instead, as mtg does."""
    front = config.domain_fronting
    if front.host is None or front.ip is None:
        return config
    warnings.append("domain-fronting.ip: has no effect beside domain-fronting.host")
    return replace(config, domain_fronting=replace(front, ip=None))


def _notes(config: Config, warnings: list[str]) -> None:
    """Report keys that are accepted but have no effect."""
    if config.tcp_buffer is not None:
        warnings.append("tcp-buffer: deprecated, has no effect")
    cache, default = config.defense.anti_replay, AntiReplaySection()
    bloom = (cache.max_size, cache.error_rate) != (default.max_size, default.error_rate)
    if cache.enabled and cache.kind != "bloom" and bloom:
        warnings.append(f'defense.anti-replay: max-size and error-rate have no effect with kind = "{cache.kind}"')
    for name, kinds in (("url", ("redis",)), ("remember", ("redis",)), ("max_entries", ("exact", "redis"))):
        if cache.enabled and cache.kind not in kinds and getattr(cache, name) != getattr(default, name):
            key = f"defense.anti-replay.{name.replace('_', '-')}"
            warnings.append(f'{key}: has no effect with kind = "{cache.kind}"')
    _note_trust(config, warnings)
    has_lists = config.defense.allowlist.enabled or config.defense.blocklist.enabled
    if has_lists and not config.proxy_protocol_listener:
        warnings += [
            f"bind-to: {redact(str(listen))} has no client addresses, so IP lists have no effect on it"
            for listen in config.bind_to
            if isinstance(listen, ListenUnix)
        ]
    metrics = config.stats.prometheus
    if metrics.enabled and metrics.bind_to is not None and not _is_loopback(metrics.bind_to.host):
        warnings.append(
            f"stats.prometheus.bind-to: {metrics.bind_to} isn't a loopback address: anyone who can connect to it "
            "sees that this is a proxy, and how it is used (use 127.0.0.1, or block the port with a firewall)"
        )
    if config.defense.blocklist.enabled and not config.defense.blocklist.urls:
        warnings.append("defense.blocklist.urls: empty, so nobody is blocked")


def _note_trust(config: Config, warnings: list[str]) -> None:
    """Report a missing list of balancers, which every listener but a Unix socket needs, and one that isn't needed."""
    is_set, listens_on_ip = config.proxy_protocol_trusted is not None, not _listens_on_unix_only(config)
    if config.proxy_protocol_listener and listens_on_ip and not is_set:
        warnings.append(
            "proxy-protocol-trusted: not set, so anyone who can connect can claim any address with a PROXY header "
            '(list the balancers, such as ["10.0.0.0/8"])'
        )
    elif is_set and not config.proxy_protocol_listener:
        warnings.append("proxy-protocol-trusted: has no effect without proxy-protocol-listener")


def _listens_on_unix_only(config: Config) -> bool:
    return all(isinstance(listen, ListenUnix) for listen in config.bind_to)


def _is_loopback(host: str) -> bool:
    ip = mtglib.canonical_ip(host)
    return ip is not None and ip.is_loopback


PENDING: tuple[tuple[str, Callable[[Config], bool]], ...] = (
    ("auto-update", lambda c: c.auto_update),
    ("users", lambda c: bool(c.users)),
)
"""Keys, each with a function that says whether the configuration asks for its feature."""
