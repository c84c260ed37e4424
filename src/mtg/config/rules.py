"""What concerns several keys: required ones, deprecated twins, and keys whose feature isn't there yet.

Pure: tables in, lines out. Ignoring a key that somebody relies on would be worse than refusing it (a
forgotten `proxies` would dial Telegram directly), so a key without its feature is accepted only where it asks
for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from mtg.config.schema import AntiReplay, Config, KeepAlive


@dataclass(slots=True)
class Findings:
    """What is to be said about a configuration, a line each; only `problems` end the program."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def settle(config: Config, table: Mapping[str, Any], findings: Findings) -> Config:
    """Apply all rules; returns the configuration with deprecated keys moved to where they belong.

    `config` was built from `table`, which still tells a key that was given from one at its default.
    """
    _required(config, table, findings.problems)
    findings.problems += [f"{key}: not supported yet{hint}" for key, asks, hint in _PENDING if asks(config)]
    _notes(config, table, findings.warnings)
    return _merge_twins(config, table, findings)


def _required(config: Config, table: Mapping[str, Any], problems: list[str]) -> None:
    if "secret" in table and "secret-file" in table:
        problems.append("secret-file: expected either this or secret, got both")
    elif not table.get("secret-file") and "secret" not in table:
        problems.append("secret: missing; `mtg generate-secret HOST` makes one")
    if "bind-to" not in table:
        problems.append('bind-to: missing; expected IP:port such as "0.0.0.0:3128"')
    for index, listen in enumerate(config.bind_to):
        if listen in config.bind_to[:index]:
            problems.append(f"bind-to[{index}]: {listen} is there twice")


def _merge_twins(config: Config, table: Mapping[str, Any], findings: Findings) -> Config:
    """Move `domain-fronting-port` to `[domain-fronting] port` and so on."""
    section = table.get("domain-fronting")
    given = section if isinstance(section, dict) else {}
    moved: dict[str, Any] = {}
    for key in ("port", "ip", "proxy-protocol"):
        name = key.replace("-", "_")
        old = getattr(config, f"domain_fronting_{name}")
        if old is None:
            continue
        findings.warnings.append(f"domain-fronting-{key}: deprecated, use domain-fronting.{key}")
        if key in given and old != getattr(config.domain_fronting, name):
            findings.problems.append(f"domain-fronting-{key}: differs from domain-fronting.{key}; keep only that")
        moved[name] = old
    return replace(
        config,
        domain_fronting=replace(config.domain_fronting, **moved),
        domain_fronting_port=None,
        domain_fronting_ip=None,
        domain_fronting_proxy_protocol=None,
    )


def _notes(config: Config, table: Mapping[str, Any], warnings: list[str]) -> None:
    """Lines about keys that are accepted and change nothing."""
    if config.tcp_buffer is not None:
        warnings.append("tcp-buffer: deprecated, has no effect")
    if config.network.doh_ip is not None:
        warnings.append("network.doh-ip: deprecated, use network.dns")
    network = table.get("network")
    if isinstance(network, dict) and (network.get("dns") or network.get("doh-ip")):
        warnings.append("network.dns: has no effect yet, the system's resolver is used")
    cache, default = config.defense.anti_replay, AntiReplay()
    if cache.enabled and (cache.max_size, cache.error_rate) != (default.max_size, default.error_rate):
        warnings.append("defense.anti-replay: max-size and error-rate have no effect, the replay window is exact")


def _other_dns(config: Config) -> bool:
    return config.network.dns not in ("", "https://1.1.1.1", "https://1.1.1.1/dns-query")


_SYSTEM_RESOLVER = " (the system's resolver is used)"

_PENDING: tuple[tuple[str, Callable[[Config], bool], str], ...] = (
    ("proxy-protocol-listener", lambda c: c.proxy_protocol_listener, ""),
    ("auto-update", lambda c: c.auto_update, ""),
    ("users", lambda c: bool(c.users), ""),
    ("network.dns", _other_dns, _SYSTEM_RESOLVER),
    ("network.doh-ip", lambda c: c.network.doh_ip not in (None, "1.1.1.1"), _SYSTEM_RESOLVER),
    ("network.proxies", lambda c: any(proxy.url for proxy in c.network.proxies), ""),
    ("network.keep-alive", lambda c: c.network.keep_alive != KeepAlive(), " (only the defaults)"),
    ("defense.doppelganger", lambda c: bool(c.defense.doppelganger.urls) or c.defense.doppelganger.drs, ""),
    (
        "defense.anti-replay.kind",
        lambda c: c.defense.anti_replay.enabled and c.defense.anti_replay.kind != "window",
        ' (only "window")',
    ),
    (
        "defense.anti-replay.url",
        lambda c: c.defense.anti_replay.enabled and c.defense.anti_replay.url is not None,
        "",
    ),
    ("defense.blocklist", lambda c: c.defense.blocklist.enabled, " (set enabled = false)"),
    ("defense.allowlist", lambda c: c.defense.allowlist.enabled, " (set enabled = false)"),
    ("stats.statsd", lambda c: c.stats.statsd.enabled, " (set enabled = false)"),
    ("stats.prometheus", lambda c: c.stats.prometheus.enabled, " (set enabled = false)"),
)
"""Key, whether the configuration asks for its feature, and what can be done about it."""
