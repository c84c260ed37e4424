"""`mtg reload`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from mtg.commands.asking import ask_and_show, asks_a_proxy
from mtg.commands.parameters import examples

if TYPE_CHECKING:
    from mtg.control_client import ControlClient

_RELOAD_SECONDS = 300.0
"""IP lists are downloaded meanwhile."""


@click.command(
    "reload",
    short_help="Make a running proxy read its configuration again.",
    epilog=examples(
        "mtg reload",
        "mtg reload --config /etc/mtg.toml",
        "mtg reload --json | jq -r '.unchangeable[]'",
    ),
)
@asks_a_proxy
def reload(client: ControlClient, as_json: bool) -> None:
    """Make a running proxy read its configuration and its IP lists again, and show what came of it.

    Exit codes: 0, 1 if the proxy doesn't answer, 2 if the configuration is wrong (with a line for each problem;
    nothing has changed then), 3 if no proxy is running.
    """
    from mtg.reports.reload import reload_report

    ask_and_show(client, as_json, reload_report, "POST", "v1", "reload", timeout_seconds=_RELOAD_SECONDS)
