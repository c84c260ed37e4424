"""`mtg top`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from mtg.commands.asking import asks_a_proxy
from mtg.commands.parameters import examples

if TYPE_CHECKING:
    from mtg.control_client import ControlClient


@click.command(
    "top",
    short_help="Watch a running proxy: users, connections, rates, health.",
    epilog=examples(
        "mtg top",
        "mtg top --delay 10",
        "mtg top --times 1 > snapshot.txt",
        "mtg top --json --times 1 | jq .flow",
    ),
)
@click.option(
    "-d",
    "--delay",
    type=click.FloatRange(0.2, 3600),
    default=2.0,
    show_default=True,
    help="Seconds between two pictures.",
)
@click.option(
    "-n",
    "--times",
    type=click.IntRange(min=1),
    help="Print so many pictures and end [default: 1 with --json and without a terminal].",
)
@asks_a_proxy
def top(client: ControlClient, as_json: bool, delay: float, times: int | None) -> None:
    """Watch a running proxy: users, connections and their rates, data centres, lists, memory, and why connections end.

    Keys sort, filter and end connections; `?` explains them. Without a terminal, with --times or with --json, pictures
    are printed one after the other. Rates are those since the one before, so the first takes as long as --delay.
    """
    from mtg.control_client import reading_answers

    with reading_answers(client.place):
        _watch(client, as_json, delay, times)


def _watch(client: ControlClient, as_json: bool, delay: float, times: int | None) -> None:
    from mtg.top.run import show_lines, show_live
    from mtg.top.terminal import is_usable

    if as_json or times is not None or not is_usable():
        show_lines(client, pause_seconds=delay, times=times or 1, as_json=as_json)
    else:
        show_live(client, pause_seconds=delay)
