"""Addresses in a configuration. Parsers raise ValueError; its message says what was expected.

Hosts are always IP literals, as in mtg 2.x: the start must not depend on a name server.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import mtglib

_PORT = re.compile(r"[0-9]{1,5}")
_MAX_UNIX_PATH_BYTES = 107  # sizeof(sun_path) - 1 on Linux; macOS has 103, and says so when binding


class IPText(str):
    """An IPv4 or IPv6 address in its canonical spelling, as text."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        return cls(_ip(value, "an IP address"))


class NetworkText(str):
    """A network as `ip/bits`, or an address, which is a network of one, in its canonical spelling, as text."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        try:
            if not isinstance(value, str) or "%" in value:
                raise ValueError
            return cls(ipaddress.ip_network(value.strip()))
        except ValueError:
            raise ValueError('a network such as "10.0.0.0/8", with zeros behind its prefix, or an IP address') from None


@dataclass(frozen=True, slots=True)
class IPPort:
    """`1.2.3.4:443` or `[2001:db8::1]:443`; port 1 to 65535."""

    host: str
    port: int

    def __str__(self) -> str:
        return mtglib.host_and_port(self.host, self.port)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Check a TOML value; raises ValueError with what was expected."""
        return cls(*_split_ip_port(value, 'IP:port such as "127.0.0.1:3129" or "[::1]:3129"', lowest_port=1))


class Listen:
    """Where to listen: ListenIP or ListenUnix, which is what `parse` returns."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> Listen:
        """Check a TOML value; raises ValueError with what was expected."""
        if isinstance(value, str) and value.startswith("unix:"):
            return ListenUnix(_unix_path(value.removeprefix("unix:")))
        expected = 'IP:port such as "0.0.0.0:3128" or "[::]:3128", or "unix:/path"'
        return ListenIP(*_split_ip_port(value, expected, lowest_port=0))


@dataclass(frozen=True, slots=True)
class ListenIP(Listen):
    """An address and a port; port 0 lets the system choose one, which the first log line names."""

    host: str
    port: int

    @property
    def ip(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        """The host as an address object."""
        return ipaddress.ip_address(self.host)

    def has_v4_beside(self, listens: Iterable[Listen]) -> bool:
        """Whether IPv4 has a listener of its own on this port, so that `[::]` must leave IPv4 alone."""
        return any(isinstance(o, ListenIP) and o.ip.version == 4 and o.port == self.port != 0 for o in listens)

    def __str__(self) -> str:
        return mtglib.host_and_port(self.host, self.port)


@dataclass(frozen=True, slots=True)
class ListenUnix(Listen):
    """A stream socket in the file system."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


def parse_ipv4(value: object) -> ipaddress.IPv4Address:
    """An IPv4 address; raises ValueError."""
    return ipaddress.IPv4Address(_ip(value, "an IPv4 address", version=4))


def parse_ipv6(value: object) -> ipaddress.IPv6Address:
    """An IPv6 address without a zone; raises ValueError."""
    return ipaddress.IPv6Address(_ip(value, "an IPv6 address", version=6))


def _ip(value: object, expected: str, *, version: int | None = None) -> str:
    try:
        if not isinstance(value, str) or "%" in value:  # a zone id only has a meaning on one machine
            raise ValueError
        address = ipaddress.ip_address(value.strip())
        if version not in (None, address.version):
            raise ValueError
    except ValueError:
        raise ValueError(expected) from None
    return str(address)


def _unix_path(path: str) -> str:
    if not path or "\0" in path or len(os.fsencode(path)) > _MAX_UNIX_PATH_BYTES:
        raise ValueError(f'"unix:" and a path of at most {_MAX_UNIX_PATH_BYTES} bytes')
    return path


def _split_ip_port(value: object, expected: str, *, lowest_port: int) -> tuple[str, int]:
    if not isinstance(value, str):
        raise ValueError(expected)
    host, colon, port = value.strip().rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not _PORT.fullmatch(port) or bracketed != (":" in host):
        raise ValueError(expected)
    if not lowest_port <= int(port) <= 65535:
        raise ValueError(f"a port from {lowest_port} to 65535")
    return _ip(host[1:-1] if bracketed else host, expected), int(port)
