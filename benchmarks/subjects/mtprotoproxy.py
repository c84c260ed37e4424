"""mtprotoproxy 1.0.6, the newest that PyPI has: FakeTLS alone, one user, no site for visitors."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers.faketls import Secret
from benchmarks.peers.session import ProxyAddress
from benchmarks.subjects.ours import FRONTED_HOST
from benchmarks.subjects.process import ProxyProcess, free_port, running_proxy

VERSION = "1.0.6"

# A Python program. Every setting that isn't here has its default.
_CONFIG = """
PORT = {port}
USERS = {{"bench": "{key}"}}
TLS_DOMAIN = "{host}"
TLS_ONLY = SECURE_ONLY = True
FAST_MODE = {fast_mode}
LISTEN_ADDR_IPV4 = "127.0.0.1"
LISTEN_ADDR_IPV6 = ""
MASK = False
"""


def mtprotoproxy_config(secret: Secret, port: int, fast_mode: bool) -> str:
    """The text of its configuration file."""
    return _CONFIG.format(port=port, key=secret.key.hex(), host=secret.host, fast_mode=fast_mode)


@contextmanager
def running_mtprotoproxy(program: str, fast_mode: bool, folder: Path) -> Iterator[ProxyProcess]:
    """Run it where public data centres are fake ones, since it knows no others; files go to the folder."""
    secret = Secret(secrets.token_bytes(16), FRONTED_HOST, takes_long_hellos=False)
    port = free_port()
    config = folder / f"mtprotoproxy-{port}.py"
    config.write_text(mtprotoproxy_config(secret, port, fast_mode))
    address = ProxyAddress(port, secret, keeps_last_bytes=False)
    with running_proxy([program, str(config)], address, config.with_suffix(".log")) as proxy:
        yield proxy
