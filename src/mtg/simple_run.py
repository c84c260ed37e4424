"""`mtg simple-run`: makes a configuration from flags, without a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from mtg.config import Loaded, config_from_table
from mtg.user_error import UserError

DEFAULT_DOH_IP = "1.1.1.1"

_SOURCE = "simple-run"

_FLAG_OF_KEY = {
    "bind-to": "BIND",
    "secret": "SECRET",
    "domain-fronting.port": "--domain-fronting-port",
    "domain-fronting.ip": "--domain-fronting-ip",
    "network.doh-ip": "--doh-ip",
    "network.timeout.tcp": "--timeout",
    "network.timeout.http": "--timeout",
    "network.proxies": "--socks5-proxy",
    "defense.anti-replay.max-size": "--antireplay-cache-size",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """The command line of `simple-run`; texts are as the user wrote them. The secret isn't in the repr."""

    bind_to: str
    secret: str
    debug: bool
    concurrency: str
    prefer_ip: str
    domain_fronting_port: str
    domain_fronting_ip: str | None
    proxy_protocol_listener: bool
    doh_ip: str
    timeout: str
    socks5_proxies: Sequence[str]
    antireplay_cache_size: str

    def __repr__(self) -> str:
        return f"Flags(bind_to={self.bind_to!r}, ...)"


def load_flags(flags: Flags) -> Loaded:
    """Return the configuration for the flags; unknown DCs fall back to a known one, as with mtg's simple-run."""
    loaded = config_from_table(_table(flags), source=_SOURCE)
    told = tuple(warning for warning in loaded.warnings if warning.startswith("proxy-protocol-trusted: "))
    return replace(loaded, warnings=told)  # the others are about keys that the user didn't write


@contextmanager
def naming_flags() -> Iterator[None]:
    """Name the flags instead of the keys in problems of the configuration."""
    try:
        yield
    except UserError as failure:
        lines = dict.fromkeys(map(_in_flags, failure.lines))  # one flag may set several keys
        raise UserError(list(lines), exit_code=failure.exit_code) from None


def _table(flags: Flags) -> Mapping[str, Any]:
    network: dict[str, Any] = {
        # Not `idle`: with one time-out of 10 s for everything, every connection would be closed that has no traffic.
        "timeout": {"tcp": flags.timeout, "http": flags.timeout},
        "proxies": list(flags.socks5_proxies),
    }
    if flags.doh_ip != DEFAULT_DOH_IP:
        network["doh-ip"] = flags.doh_ip
    return {
        "bind-to": flags.bind_to,
        "secret": flags.secret,
        "debug": flags.debug,
        "concurrency": _number(flags.concurrency),
        "prefer-ip": flags.prefer_ip,
        "proxy-protocol-listener": flags.proxy_protocol_listener,
        "allow-fallback-on-unknown-dc": True,
        "domain-fronting": {"port": _number(flags.domain_fronting_port), "ip": flags.domain_fronting_ip or ""},
        "network": network,
        "defense": {"anti-replay": {"max-size": flags.antireplay_cache_size}},
    }


def _number(text: str) -> int | str:
    """Return a flag's number; an invalid one is left for the configuration to reject, which shows no secret."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else text


def _in_flags(line: str) -> str:
    """`simple-run: network.timeout.tcp: expected ...` -> `--timeout: expected ...`."""
    if not line.startswith(f"{_SOURCE}: "):
        return line
    key, _, rest = line.removeprefix(f"{_SOURCE}: ").partition(": ")
    name, bracket, index = key.partition("[")
    return f"{_FLAG_OF_KEY.get(name, f'--{name}')}{bracket}{index}: {rest}"
