"""Our proxy: ``mtg run``, or any program that reads the same configuration."""

from __future__ import annotations

import os
import secrets
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers.faketls import Secret
from benchmarks.peers.session import ProxyAddress
from benchmarks.subjects.process import ProxyProcess, free_port, running_proxy

DEFAULT_COMMAND = shlex.join([sys.executable, "-m", "mtg", "run"])
PURE_COMMAND = shlex.join(
    [
        *(sys.executable, "-c"),
        "import sys; sys.modules['mtglib._engine'] = None; from mtg.cli import main; main()",
        "run",
    ]
)
RELAYS = {"engine": DEFAULT_COMMAND, "pure Python": PURE_COMMAND}
"""The command for each relay."""
FRONTED_HOST = "bench.example.com"

_CONFIG = """
secret = "{secret}"
bind-to = "127.0.0.1:{port}"
concurrency = 8192
fast-mode = {fast_mode}

[domain-fronting]
ip = "127.0.0.1"
port = {front_port}

[dc-overrides]
2 = ["127.0.0.1:{dc_port}"]
"""


@contextmanager
def running_ours(
    command: str,
    fast_mode: bool,
    folder: Path,
    dc_port: int,
    *,
    site_port: int | None = None,
    more_settings: str = "",
) -> Iterator[ProxyProcess]:
    """Run ``command CONFIG`` with a fresh secret and ``more_settings`` (TOML sections); files go to the folder.

    Without a ``site_port``, connections to the site are refused.
    """
    secret = Secret(secrets.token_bytes(16), FRONTED_HOST)
    port = free_port()
    config = folder / f"ours-{port}.toml"
    with _closed_port() as closed_port:
        with open(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(
                _CONFIG.format(
                    secret=secret.hex(),
                    port=port,
                    dc_port=dc_port,
                    front_port=site_port or closed_port,
                    fast_mode=str(fast_mode).lower(),
                )
                + more_settings
            )
        address = ProxyAddress(port, secret)
        own_state = ["env", f"XDG_STATE_HOME={folder / f'state-{port}'}"]
        with running_proxy(
            [*own_state, *shlex.split(command), str(config)], address, folder / f"ours-{port}.log"
        ) as proxy:
            yield proxy


def our_version(command: str) -> str:
    """The version of the default program and its engine; for another command, its text."""
    if command != DEFAULT_COMMAND:
        return command
    said = subprocess.run([sys.executable, "-m", "mtg", "--version"], capture_output=True, text=True, check=False)
    return " ".join(said.stdout.split()) or "unknown"


@contextmanager
def _closed_port() -> Iterator[int]:
    """A port that refuses connections: a client sent to the site by mistake fails at once instead of hanging."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]
