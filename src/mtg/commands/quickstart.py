"""`mtg quickstart`."""

from __future__ import annotations

import sys
from pathlib import Path

import rich_click as click

from mtg.commands.parameters import examples, port_of
from mtg.user_error import EXIT_USAGE, UserError


@click.command(
    "quickstart",
    short_help="Create a configuration file if there is none, show its link, and serve.",
    epilog=examples(
        "mtg quickstart",
        "mtg quickstart --host www.example.com --port 443 --server 198.51.100.7 /etc/mtg.toml",
    ),
)
@click.argument("config", type=click.Path(path_type=Path, readable=False), default="mtg.toml")
@click.option("--host", default="", help="Site to show to anyone who isn't a client [default: www.microsoft.com].")
@click.option("--port", default="", help="Port to listen on [default: 8443].")
@click.option(
    "--server", default="", help="Address to put into the link, an IP address or a host name [default: this machine's]."
)
def quickstart(config: Path, host: str, port: str, server: str) -> None:
    """Make CONFIG with a fresh secret if there is none, print its link and QR code, and serve it.

    CONFIG is mtg.toml by default; an existing one is never changed. An empty option is ignored. No network look-ups.
    """
    from mtg.quickstart import quickstart as start

    sys.exit(start(config, host=host or None, port=_port(port), server=server or None))


def _port(text: str) -> int | None:
    if not text:
        return None
    if (port := port_of(text)) is None:
        from mtg.config.redaction import shown

        raise UserError(f"--port: expected a port from 1 to 65535, got {shown(text)}", exit_code=EXIT_USAGE)
    return port
