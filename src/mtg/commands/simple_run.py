"""`mtg simple-run`."""

from __future__ import annotations

import os
import sys
from typing import Any

import rich_click as click

from mtg.commands.parameters import examples

SECRET_VARIABLE = "MTG_SECRET"  # noqa: S105  # a name, not a secret


@click.command(
    "simple-run",
    short_help="Serve without a configuration file.",
    epilog=examples(
        "mtg simple-run 0.0.0.0:3128 - < secret.txt",
        'MTG_SECRET="$(cat secret.txt)" mtg simple-run "[::]:3128"',
        "mtg simple-run -c 1000 -i only-ipv4 0.0.0.0:3128 ee367a189aee18fa...",
    ),
)
@click.argument("bind_to", metavar="BIND")
@click.argument("secret", metavar="[SECRET]", required=False)
@click.option("-d", "--debug", is_flag=True, help="Log everything.")
@click.option("-c", "--concurrency", default="8192", show_default=True, help="Maximum number of connections at once.")
@click.option("-b", "--tcp-buffer", default="4KB", help="Deprecated, has no effect.")
@click.option(
    "-i",
    "--prefer-ip",
    default="prefer-ipv6",
    show_default=True,
    help="Which addresses of Telegram to use: prefer-ipv4, prefer-ipv6, only-ipv4 or only-ipv6.",
)
@click.option("-p", "--domain-fronting-port", default="443", show_default=True, help="Port of the fronted site.")
@click.option("--domain-fronting-ip", help="IP address of the fronted site; its name isn't resolved then.")
@click.option(
    "--proxy-protocol-listener",
    is_flag=True,
    help="A load balancer is in front, which tells clients' addresses with PROXY protocol, v1 or v2.",
)
@click.option(
    "-n", "--doh-ip", default="1.1.1.1", show_default=True, help="DNS over HTTPS server that resolves the site's name."
)
@click.option("-t", "--timeout", default="10s", show_default=True, help="Time-out for connecting to one address.")
@click.option(
    "-s",
    "--socks5-proxy",
    "socks5_proxies",
    multiple=True,
    help="SOCKS5 proxy to reach Telegram through; may be given more than once.",
)
@click.option(
    "-a",
    "--antireplay-cache-size",
    default="1MB",
    show_default=True,
    help="Has no effect: replay detection is exact.",
)
def simple_run(bind_to: str, secret: str | None, tcp_buffer: str, **flags: Any) -> None:
    """Serve a proxy on BIND (IP:port) with SECRET, without a configuration file.

    A secret on the command line is visible to every user of the machine, in ps for instance. Better give it
    as "-", to be read from stdin, or leave it out and set MTG_SECRET.
    """
    from mtg.run import run_proxy
    from mtg.simple_run import Flags, load_flags, naming_flags

    given = Flags(bind_to=bind_to, secret=_secret_text(secret), **flags)
    loaded = load_flags(given)
    with naming_flags():
        sys.exit(run_proxy(loaded))


def _read_secret() -> str:
    """Read a line of stdin; on a terminal, with a prompt and without echo."""
    if sys.stdin.isatty():
        return str(click.prompt("Secret", hide_input=True, err=True))
    return sys.stdin.buffer.readline(4096).decode("ascii", "replace")


def _secret_text(argument: str | None) -> str:
    """Return the secret from the place that the user chose."""
    if argument == "-":
        return _read_secret()
    if argument is not None:
        return argument
    try:
        return os.environ.pop(SECRET_VARIABLE)
    except KeyError:
        raise click.UsageError(f'Missing argument "SECRET", and {SECRET_VARIABLE} is not set.') from None
