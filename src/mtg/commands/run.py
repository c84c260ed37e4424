"""`mtg run`."""

from __future__ import annotations

import sys
from functools import partial
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

    Runs in the foreground and logs to stderr: JSON lines, or coloured ones on a terminal. SIGTERM and SIGINT stop
    accepting; open connections get 5 seconds, and a second more for anything that hangs. A second signal ends them at
    once. SIGHUP reads CONFIG and IP lists again, or stops the program if its terminal has closed. Exit codes: 0 after a
    signal, 1 if it can't listen on an address, 2 if CONFIG is wrong (with a line for each problem).
    """
    from mtg.config import load_config
    from mtg.run import run_proxy

    sys.exit(run_proxy(load_config(config), read=partial(load_config, config)))
