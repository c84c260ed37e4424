"""Real sites with short time-outs, and the proxy as a program in front of them."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.subjects.ours import DEFAULT_COMMAND, PURE_COMMAND

from support.fake_dc import FakeDC, Handler
from support.front import NginxSite, nginx_is_missing
from support.go_site import GoSite, go_is_missing
from support.haproxy_site import HaproxySite, haproxy_is_missing
from support.nginx_site import Key
from support.secrets import PeerSecret, secret_hex
from support.server_process import ServerProcess
from tools.probes.finding import SITE
from tools.probes.probe import HOST

PATIENCE_SECONDS = 1
LARGE_FILE = "/large.bin"
"""Every site has it."""
USUAL_LOADS = 10
"""How often a proxy loads each page, if its configuration doesn't say."""
_SEGMENT_BYTES = 1448
"""A data centre's, as over Ethernet. The loopback's of 64 KB keep windows closed until a relay has read everything."""
_NGINX = "send_timeout 1s; lingering_timeout 1s; lingering_time 2s; reset_timedout_connection off;"


class Site(Protocol):
    """What a prober needs to know about a site."""

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""

    @property
    def certificate_path(self) -> Path:
        """Its certificate in PEM."""


def _nginx(key: Key) -> NginxSite:
    return NginxSite(
        HOST,
        keepalive_seconds=PATIENCE_SECONDS,
        header_seconds=PATIENCE_SECONDS,
        http2=True,
        directives=_NGINX,
        key=key,
    )


Front = tuple[Callable[[Key], AbstractAsyncContextManager[Site]], Callable[[], str | None]]
"""What makes a site with a certificate of this kind, and what tells why it can't run here."""

FRONTS: dict[str, Front] = {
    "nginx": (_nginx, nginx_is_missing),
    "haproxy": (lambda key: HaproxySite(HOST, patience_seconds=PATIENCE_SECONDS, key=key), haproxy_is_missing),
    "go": (lambda key: GoSite(HOST, patience_seconds=PATIENCE_SECONDS, key=key), go_is_missing),
}
"""Each site by name, and a function that says why it can't run here."""

RELAYS = ("native", "pure")
ITSELF = "itself"
"""In place of a relay: the site once more, which shows what is found if there is no difference."""


class ProxyProgram(ServerProcess):
    """`mtg run`, with a site and a data centre on this machine, and defaults for everything else.

    If it ``learns``, it asks the site how it answers clients, and ``delays`` its answers as long as the site takes; if
    it does both, it loads the site's large file ``page_loads`` times. Its state directory is a copy of ``state``.
    """

    def __init__(
        self,
        relay: str,
        secret: PeerSecret,
        site_port: int,
        dc_address: str,
        *,
        learns: bool,
        page_loads: int,
        delays: bool = True,
        state: Path | None = None,
    ) -> None:
        super().__init__()
        self._relay = relay
        self._state = state
        self._config = (
            f'secret = "{secret_hex(secret)}"\nbind-to = "127.0.0.1:{self.port}"\n'
            f'[dc-overrides]\n2 = ["{dc_address}"]\n'
            f'[domain-fronting]\nip = "127.0.0.1"\nport = {site_port}\n'
            f"[defense.front-learning]\nenabled = {str(learns).lower()}\n"
            f'answer-delay = "{"front" if delays else "off"}"\n'
            f"[defense.doppelganger]\nurls = {[f'https://{secret.host}{LARGE_FILE}'] if learns and delays else []}\n"
            f"repeats-per-raid = {page_loads}\n"
        )

    def command(self) -> Sequence[str | Path]:
        """See the base."""
        if self._state is not None:
            shutil.copytree(self._state, self.root, dirs_exist_ok=True)
        config = self.root / "mtg.toml"
        config.touch(mode=0o600)
        config.write_text(self._config)
        folders = [f"{name}={self.root}" for name in ("STATE_DIRECTORY", "CACHE_DIRECTORY", "XDG_RUNTIME_DIR")]
        command = PURE_COMMAND if self._relay == "pure" else DEFAULT_COMMAND
        return [shutil.which("env") or "env", *folders, *shlex.split(command), config]


@dataclass(frozen=True)
class Deployment:
    """A site and the proxies in front of it: the port of each by name, and the proxies' secret.

    ``undelayed_ports`` are those of more proxies, which answer at once.
    """

    site: Site
    secret: PeerSecret
    ports: dict[str, int]
    undelayed_ports: dict[str, int] = field(default_factory=dict)


@asynccontextmanager
async def deploy(
    front: Front,
    key: Key,
    relays: Sequence[str],
    handler: Handler,
    *,
    learns: bool = False,
    undelayed: bool = False,
    page_loads: int = USUAL_LOADS,
    learn_ahead: Callable[[int, Path], Awaitable[None]] | None = None,
) -> AsyncIterator[Deployment]:
    """Start a site and a proxy for each relay, all with one secret.

    ``handler`` is what their data centre does. If it ``learns``, a proxy asks the site how it answers clients and when,
    and in which records it sends its large file, ``page_loads`` times. ``undelayed``: for each relay, there is also one
    that answers at once. ``learn_ahead`` gets the site's port and the state directory that all of them begin with.
    """
    secret = PeerSecret.random(HOST)
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(front[0](key))
        dc = await stack.enter_async_context(FakeDC(handler, segment_bytes=_SEGMENT_BYTES))
        ports = {SITE: site.port}
        if ITSELF in relays:
            ports[ITSELF] = site.port
        undelayed_ports = {}
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="state-")))
        if learn_ahead is not None:
            await learn_ahead(site.port, state)
        for relay in (name for name in relays if name != ITSELF):
            program = ProxyProgram(
                relay, secret, site.port, dc.address, learns=learns, page_loads=page_loads, state=state
            )
            ports[relay] = (await stack.enter_async_context(program)).port
            if undelayed:
                program = ProxyProgram(
                    relay, secret, site.port, dc.address, learns=learns, page_loads=page_loads, delays=False
                )
                undelayed_ports[relay] = (await stack.enter_async_context(program)).port
        yield Deployment(site, secret, ports, undelayed_ports)
