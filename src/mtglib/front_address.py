"""Where a fronting site is reached."""

from __future__ import annotations

from dataclasses import dataclass

from . import constants
from .errors import OptionError
from .ground.checks import check_flag, check_int
from .ground.endpoints import canonical_ip
from .ground.urls import check_host


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontAddress:
    """Where a fronting site is reached, if that isn't the port 443 of its own name.

    Attributes:
        host: Another name or IP address, instead of `ip`. Clients and visitors still ask for the site's own name.
        ip: The site's address, instead of looking up its name.
        port: The site's port.
        proxy_protocol: Tell the site the visitor's address, with a PROXY protocol v2 header.

    Raises:
        OptionError: A value is invalid, or there are both a host and an IP address.
    """

    host: str | None = None
    ip: str | None = None
    port: int = constants.DEFAULT_DOMAIN_FRONTING_PORT
    proxy_protocol: bool = False

    def __post_init__(self) -> None:
        check_int("port", self.port, 65535)
        check_flag("proxy_protocol", self.proxy_protocol)
        if self.ip is not None and canonical_ip(str(self.ip)) is None:
            raise OptionError("ip", "an IP address", self.ip)
        if self.host is not None:
            check_host("host", self.host)
            if self.ip is not None:
                raise OptionError("host", "only one of ip and host")

    def of_site(self, name: str) -> tuple[str, int]:
        """Return the host, or the IP address, and the port to dial for a site of this name."""
        return self.host or self.ip or name, self.port
