"""`mtg run`."""

from __future__ import annotations

import sys
from pathlib import Path

import rich_click as click

from mtg.commands.parameters import CONFIG, examples


@click.command(
    "run",
    short_help="Serve, as a configuration file says.",
    epilog=examples(
        "mtg run /etc/mtg.toml",
        "mtg run /etc/mtg.toml 2>> /var/log/mtg.log",
    ),
)
@CONFIG
def run(config: Path) -> None:
    """Serve the proxy that CONFIG describes.

    Runs in the foreground and logs to stderr: JSON lines, or coloured ones on a terminal. SIGTERM and SIGINT
    stop accepting and give what is open 5 seconds; a second signal ends it at once. Whatever
    hangs has one second more. SIGHUP reads IP lists again,
    or is a SIGTERM if the terminal that it logs to was closed. Exit codes: 0 after a signal, 1 if an address can't
    be listened on, 2 if CONFIG is wrong (with a line for each problem).
    """
    from mtg.config import load_config
    from mtg.run import run_proxy

    sys.exit(run_proxy(load_config(config)))
