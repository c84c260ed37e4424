"""Real sites with short time-outs, and the proxy as a program in front of them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from support.front import NginxSite, nginx_is_missing
from support.go_site import GoSite, go_is_missing
from support.haproxy_site import HaproxySite, haproxy_is_missing
from support.secrets import PeerSecret, secret_hex
from support.server_process import ServerProcess
from tools.probes.probe import HOST

PATIENCE_SECONDS = 1
_NGINX = "send_timeout 1s; lingering_timeout 1s; lingering_time 2s; reset_timedout_connection off;"


class Site(Protocol):
    """What a prober needs to know about a site."""

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""

    @property
    def certificate_path(self) -> Path:
        """Its certificate in PEM."""


def _nginx() -> NginxSite:
    return NginxSite(
        HOST,
        keepalive_seconds=PATIENCE_SECONDS,
        header_seconds=PATIENCE_SECONDS,
        http2=True,
        directives=_NGINX,
        key="rsa",
    )


FRONTS: dict[str, tuple[Callable[[], AbstractAsyncContextManager[Site]], Callable[[], str | None]]] = {
    "nginx": (_nginx, nginx_is_missing),
    "haproxy": (lambda: HaproxySite(HOST, patience_seconds=PATIENCE_SECONDS), haproxy_is_missing),
    "go": (lambda: GoSite(HOST, patience_seconds=PATIENCE_SECONDS), go_is_missing),
}
"""Each site by name, and a function that says why it can't run here."""

RELAYS = ("native", "pure")
ITSELF = "itself"
"""In place of a relay: the site once more, which shows what is found if there is no difference."""
_WITHOUT_ENGINE = "import sys; sys.modules['mtglib._engine'] = None; from mtg.cli import main; main()"


class ProxyProgram(ServerProcess):
    """`mtg run`, with a site and a data centre on this machine, and defaults for everything else."""

    def __init__(self, relay: str, secret: PeerSecret, site_port: int, dc_address: str) -> None:
        super().__init__()
        self._relay = relay
        self._config = (
            f'secret = "{secret_hex(secret)}"\nbind-to = "127.0.0.1:{self.port}"\n'
            f'[dc-overrides]\n2 = ["{dc_address}"]\n'
            f'[domain-fronting]\nip = "127.0.0.1"\nport = {site_port}\n'
        )

    def command(self) -> Sequence[str | Path]:
        """See the base."""
        config = self.root / "mtg.toml"
        config.touch(mode=0o600)
        config.write_text(self._config)
        folders = [f"{name}={self.root}" for name in ("STATE_DIRECTORY", "CACHE_DIRECTORY", "XDG_RUNTIME_DIR")]
        program = ["-c", _WITHOUT_ENGINE] if self._relay == "pure" else ["-m", "mtg"]
        return [shutil.which("env") or "env", *folders, sys.executable, *program, "run", config]
