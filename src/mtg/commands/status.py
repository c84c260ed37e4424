"""`mtg status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from mtg.commands.asking import ask_and_show, asks_a_proxy
from mtg.commands.parameters import examples

if TYPE_CHECKING:
    from mtg.control_client import ControlClient


@click.command(
    "status",
    short_help="Show how a running proxy does.",
    epilog=examples(
        "mtg status",
        "mtg status --config /etc/mtg.toml",
        "mtg status --json | jq .limits.connections",
    ),
)
@asks_a_proxy
def status(client: ControlClient, as_json: bool) -> None:
    """Show what a running proxy is, how full its limits are, and how Telegram and the site were seen last.

    Exit codes: 0, 1 if the proxy doesn't answer, 3 if none is running.
    """
    from mtg.reports.status import status_report

    ask_and_show(client, as_json, status_report, "GET", "v1", "status")
