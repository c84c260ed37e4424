"""mtg 2.x, or a program that reads the same configuration."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers.faketls import Secret
from benchmarks.peers.session import ProxyAddress
from benchmarks.subjects.ours import FRONTED_HOST
from benchmarks.subjects.process import ProxyProcess, free_port, running_proxy

# The list of blocked addresses would have to be downloaded.
_CONFIG = """
secret = "{secret}"
bind-to = "127.0.0.1:{port}"
concurrency = 8192
prefer-ip = "only-ipv4"

[defense.blocklist]
enabled = false
"""


def mtg_config(secret: Secret, port: int) -> str:
    """The text of its configuration file."""
    return _CONFIG.format(secret=secret.hex(), port=port)


@contextmanager
def running_mtg(program: str, _fast_mode: bool, folder: Path) -> Iterator[ProxyProcess]:
    """Run it where public data centres are fake ones, since it knows no others; files go to the folder.

    It has no fast mode: it encrypts everything again.
    """
    secret = Secret(secrets.token_bytes(16), FRONTED_HOST)
    port = free_port()
    config = folder / f"mtg-{port}.toml"
    config.write_text(mtg_config(secret, port))
    with running_proxy([program, "run", str(config)], ProxyAddress(port, secret), config.with_suffix(".log")) as proxy:
        yield proxy
