"""What all commands share that ask a running proxy."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mtg.control_client import ControlClient

_SOCKET = (
    "The proxy's control socket [default: that of CONFIG, else /run/mtg/mtg.sock, else $XDG_RUNTIME_DIR/mtg.sock]."
)


def asks_a_proxy(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which proxy is asked, and how to print the answer.

    The command's first two parameters are a `ControlClient`, and whether to print JSON.
    """

    @click.option("--socket", type=click.Path(path_type=Path, readable=False), help=_SOCKET)
    @click.option(
        "-c", "--config", type=click.Path(path_type=Path, readable=False), help="The proxy's configuration file."
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @functools.wraps(function)
    def command(socket: Path | None, config: Path | None, as_json: bool, **rest: Any) -> None:
        from mtg.control_client import ControlClient, socket_places

        meant = config if socket is None else None
        function(ControlClient(socket_places(socket, config), config=meant), as_json, **rest)

    return command


def show(
    client: ControlClient, answer: dict[str, Any], as_json: bool, report: Callable[[dict[str, Any]], RenderableType]
) -> None:
    """Print an answer: the JSON as it came, or a report for people."""
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    else:
        from mtg.control_client import reading_answers
        from mtg.reports.console import print_report

        with reading_answers(client.place):
            made = report(answer)
        print_report(made)


def ask_and_show(
    client: ControlClient, as_json: bool, report: Callable[[dict[str, Any]], RenderableType], *request: str, **more: Any
) -> None:
    """Ask, and print the answer."""
    show(client, client.ask(*request, **more), as_json, report)
