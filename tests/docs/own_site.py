"""The example of docs/disguise.md, in a network namespace: nginx behind the proxy, a visitor and a client."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.censor.observation import Exchange, Observation, make_hello

from support.fake_dc import FakeDC
from support.faketls_client import FakeTLSClient
from support.nginx_site import make_certificate, write_pages
from support.secrets import PeerSecret
from support.server_process import ServerProcess

_VISITOR = "127.0.0.7"
_MAIN_CONFIG = """
daemon off;
master_process off;
user root;
pid {root}/nginx.pid;
events {{}}
http {{
  access_log {root}/access.log;
  client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;
  uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
  include {root}/site;
}}
"""
_MOST_TO_LEARN_FROM = 30


class _Nginx(ServerProcess):
    """Debian's nginx with a site's file; its folders are moved."""

    def __init__(self, name: str, site: str) -> None:
        super().__init__()
        self.port = 8444
        self._name = name
        self._site = site

    @property
    def certificate_path(self) -> Path:
        return self.root / "fullchain.pem"

    def command(self) -> Sequence[str | Path]:
        make_certificate(self._name, self.root, "rsa")
        (self.root / "cert.pem").rename(self.certificate_path)
        (self.root / "key.pem").rename(self.root / "privkey.pem")
        write_pages(self.root / "pages")
        challenges = self.root / "pages/.well-known/acme-challenge"
        challenges.mkdir(parents=True)
        (challenges / "proof").write_text("certbot was here")
        site = self._site.replace("/var/www/html", f"{self.root}/pages")
        (self.root / "site").write_text(site.replace(f"/etc/letsencrypt/live/{self._name}", str(self.root)))
        (self.root / "nginx.conf").write_text(_MAIN_CONFIG.format(root=self.root))
        return ["nginx", "-c", self.root / "nginx.conf", "-e", self.root / "error.log"]


class _Mtg(ServerProcess):
    """The program with a file, which is told where to find a data centre."""

    def __init__(self, config: str, dc_address: str) -> None:
        super().__init__()
        self.port = 443
        self._config = f'{config}\n[dc-overrides]\n2 = ["{dc_address}"]\n'

    def command(self) -> Sequence[str | Path]:
        config = self.root / "mtg.toml"
        config.touch(mode=0o600)
        config.write_text(self._config)
        env = shutil.which("env") or "env"
        return [env, f"STATE_DIRECTORY={self.root}", sys.executable, "-m", "mtg", "run", config]


async def everybody_comes(name: str, nginx: str, mtg: str, key_hex: str) -> dict[str, Any]:
    """Visit the site, connect as a client, and compare the answers of both; return what was seen."""
    secret = PeerSecret(bytes.fromhex(key_hex), name)
    async with FakeDC() as dc, _Nginx(name, nginx) as site, _Mtg(mtg, dc.address) as proxy:
        page = await _get(name, proxy.port, site.certificate_path)
        plain = await _get(name, 80)
        proof = await _get(name, 80, path="/.well-known/acme-challenge/proof")
        async with await FakeTLSClient.connect("127.0.0.1", proxy.port, secret) as client:
            await client.send(b"hello")
            echo = await client.recv_exactly(5)
        return {
            "page": page,
            "at_port_80": plain,
            "proof": proof,
            "log": (site.root / "access.log").read_text().splitlines(),
            "echo": echo.decode(),
            "is_answered_alike": await _is_answered_alike(secret, proxy.port),
        }


async def _get(name: str, port: int, certificate: Path | None = None, path: str = "/") -> str:
    """Ask for a page, with TLS if there is a certificate to trust, and return all that comes."""
    context = ssl.create_default_context(cafile=certificate) if certificate else None
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname=name if context else None, local_addr=(_VISITOR, 0)
    )
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
    got = await reader.read()
    writer.close()
    return got.decode()


async def _is_answered_alike(secret: PeerSecret, port: int) -> bool:
    """Whether a client gets, after some connections, what a visitor with the same hello gets."""
    at_site = await _look(secret.host, port, None)
    for _ in range(_MOST_TO_LEARN_FROM):
        seen = await _look(secret.host, port, secret)
        if (seen.server_hello, seen.flight_bytes) == (at_site.server_hello, at_site.flight_bytes):
            return True
    return False


async def _look(name: str, port: int, secret: PeerSecret | None) -> Observation:
    exchange = Exchange(port, make_hello(name, "modern", secret))
    await exchange.begin()
    return await exchange.finish()
