"""Parameters shared by several commands."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import rich_click as click

CONFIG = click.argument("config", type=click.Path(path_type=Path, readable=False))
"""The configuration file; the code that reads it checks whether it can be read."""


def examples(*lines: str) -> str:
    """An epilog of example command lines, each a paragraph of its own: click joins the lines of a paragraph."""
    return "\n\n".join(("Examples:", *(f"$ {line}" for line in lines)))


class IPParameter(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.3
    """An IP address of one version."""

    def __init__(self, version: int) -> None:
        self.name = f"ipv{version}"
        self._version = version

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """An address object; fails with click's own usage error."""
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            address = None
        if address is None or address.version != self._version:
            self.fail(f"expected an IPv{self._version} address, got {value!r}", param, ctx)
        return address


class PortParameter(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.3
    """A port."""

    name = "port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A port as a number; fails with click's own usage error."""
        if (port := port_of(value)) is None:
            self.fail(f"expected a port from 1 to 65535, got {value!r}", param, ctx)
        return port


def port_of(text: str) -> int | None:
    """Return the port that a text is, or None."""
    is_number = text.isascii() and text.isdigit() and len(text) <= 5
    return int(text) if is_number and 1 <= int(text) <= 65535 else None
