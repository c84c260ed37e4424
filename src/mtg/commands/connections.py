"""`mtg connections`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from mtg.commands.asking import ask_and_show, asks_a_proxy
from mtg.commands.parameters import examples

if TYPE_CHECKING:
    from mtg.control_client import ControlClient


@click.command(
    "connections",
    short_help="List the live connections of a running proxy, or end one.",
    epilog=examples(
        "mtg connections",
        "mtg connections --user ann",
        "mtg connections --end 5B6yZ0rG3h4mJb0kT1s2vQ",
        "mtg connections --json | jq '.connections | length'",
    ),
)
@click.option("-u", "--user", help='Only connections of this user; "" for those of visitors.')
@click.option("--end", "ended", metavar="ID", help="End the connection with this ID.")
@asks_a_proxy
def connections(client: ControlClient, as_json: bool, user: str | None, ended: str | None) -> None:
    """List the live connections of a running proxy, the oldest first, or end one.

    Visitors, whom the proxy shows the site, have no user.
    """
    from mtg.reports.connections import connections_report, ended_report

    if user is not None and ended is not None:
        raise click.UsageError("--end and --user: expected only one of them")
    if ended is not None:
        ask_and_show(client, as_json, ended_report, "DELETE", "v1", "connections", ended)
    else:
        query = {} if user is None else {"user": user}
        ask_and_show(client, as_json, connections_report, "GET", "v1", "connections", query=query)
