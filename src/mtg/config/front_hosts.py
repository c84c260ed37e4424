"""The sites of several users: how each is reached, and which one is shown to visitors who name none of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from mtg.config.redaction import shown_key
from mtg.config.schema import Config, DomainFrontingSection, FrontHostSection


def with_whole_hosts(config: Config, warnings: list[str]) -> Config:
    """Return the configuration in which `domain-fronting.hosts` have what they don't say themselves."""
    front = config.domain_fronting
    hosts = {name: _whole(host, front) for name, host in front.hosts.items()}
    for name, host in front.hosts.items():
        if host.host is not None and host.ip is not None:
            warnings.append(f"{hosts_key(name)}.ip: has no effect beside {hosts_key(name)}.host")
    return replace(config, domain_fronting=replace(front, hosts=hosts))


def hosts_key(name: str) -> str:
    """Return the key of a host's table."""
    return f"domain-fronting.hosts.{shown_key(name)}"


def check_hosts(config: Config, table: Mapping[str, Any], problems: list[str], warnings: list[str]) -> None:
    """Report a missing `default-host`, names that are the same in lower case, and hosts that nobody asks for."""
    front = config.domain_fronting
    is_empty = not any(table.get(key) for key in ("secret", "secret-file", "secrets", "users"))
    if is_empty and config.users_file is not None and front.default_host is None:
        problems.append(
            "domain-fronting.default-host: missing; expected the site that visitors are shown while users-file has no "
            "users"
        )
    written = table.get("domain-fronting")
    names = written.get("hosts") if isinstance(written, dict) else None
    if isinstance(names, dict):
        problems += [f"{hosts_key(name)}: is there twice, as case doesn't matter" for name in _twice(names)]
    if config.users_file is None:
        known = {user.secret.host.lower() for user in config.users.values() if user.secret is not None}
        known.add(front.default_host or "")
        warnings += [
            f"{hosts_key(name)}: has no effect, as it is the host of no user's secret"
            for name in front.hosts
            if name not in known
        ]


def _whole(host: FrontHostSection, front: DomainFrontingSection) -> FrontHostSection:
    is_elsewhere = host.host is not None or host.ip is not None
    return FrontHostSection(
        host=host.host if is_elsewhere else front.host,
        ip=(host.ip if host.host is None else None) if is_elsewhere else front.ip,
        port=front.port if host.port is None else host.port,
        proxy_protocol=front.proxy_protocol if host.proxy_protocol is None else host.proxy_protocol,
    )


def _twice(names: Collection[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            yield name
        seen.add(name.lower())
