"""`mtg generate-secret`."""

from __future__ import annotations

import rich_click as click

from mtg.commands.parameters import examples


@click.command(
    "generate-secret",
    short_help="Generate a secret.",
    epilog=examples(
        "mtg generate-secret www.example.com",
        "mtg generate-secret --hex www.example.com",
    ),
)
@click.argument("host")
@click.option("-x", "--hex", "as_hex", is_flag=True, help="Print it in hex instead of base64.")
def generate_secret(host: str, as_hex: bool) -> None:
    """Generate a secret for a proxy that shows the web site HOST to anyone who is not a client.

    Choose a site that this server could plausibly host: one of your own, or one that is hosted nearby.
    """
    from mtg.new_secret import new_secret

    secret = new_secret(host, "HOST")
    click.echo(secret.hex() if as_hex else secret.base64())
