"""`mtg access`."""

from __future__ import annotations

import ipaddress
import json
import sys
from pathlib import Path

import rich_click as click

from mtg.commands.parameters import CONFIG, IPParameter, PortParameter, examples


@click.command(
    "access",
    short_help="Show the links and the QR code of a proxy.",
    epilog=examples(
        "mtg access /etc/mtg.toml",
        "mtg access -i 198.51.100.7 --hex /etc/mtg.toml | jq -r .ipv4.tg_url",
        "mtg access --user alice /etc/mtg.toml",
        "mtg access --svg proxy.svg /etc/mtg.toml > /dev/null",
    ),
)
@CONFIG
@click.option("-i", "--ipv4", type=IPParameter(4), help="IPv4 address to put into the link.")
@click.option("-I", "--ipv6", type=IPParameter(6), help="IPv6 address to put into the link.")
@click.option("-p", "--port", type=PortParameter(), help="Port to put into the link, if it differs from bind-to.")
@click.option("-u", "--user", help="The user whose links these are [default: the first one].")
@click.option("-x", "--hex", "hex_secret", is_flag=True, help="Write the secret in links in hex instead of base64.")
@click.option("--qr/--no-qr", default=None, help="Draw a QR code on stderr [default: only on a terminal].")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), help="Write the QR code as an SVG image.")
@click.option("--png", type=click.Path(dir_okay=False, path_type=Path), help="Write the QR code as a PNG image.")
def access(
    config: Path,
    ipv4: ipaddress.IPv4Address | None,
    ipv6: ipaddress.IPv6Address | None,
    port: int | None,
    user: str | None,
    hex_secret: bool,
    qr: bool | None,
    svg: Path | None,
    png: Path | None,
) -> None:
    """Print the links of the proxy that CONFIG describes, as JSON, and draw a QR code of the tg:// one.

    The addresses are, in this order: -i and -I, public-ipv4 and public-ipv6, those of bind-to, and that of
    the default route. Makes no network requests.
    """
    from mtg import qr as codes
    from mtg.access import make_access
    from mtg.build import check
    from mtg.config import load_config

    loaded = load_config(config)
    check(loaded)
    found = make_access(loaded, ipv4=ipv4, ipv6=ipv6, port=port, user=user, hex_secret=hex_secret)
    link = found.best.links.tg_url
    for path, kind in ((svg, "svg"), (png, "png")):
        if path is not None:
            codes.save(link, path, kind)
    click.echo(json.dumps(found.as_json(), indent=2))
    for line in (*loaded.warnings, *found.notes()):
        click.echo(f"mtg: {line}", err=True)
    looked_at = codes.is_terminal(sys.stdout) and codes.is_terminal(sys.stderr)
    if (looked_at if qr is None else qr) and codes.can_draw(sys.stderr):
        click.echo(f"\n{link}\n\n{codes.drawing(link, colours=codes.is_terminal(sys.stderr))}", err=True)
