"""A site whose TLS ends in haproxy, which also answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from support.nginx_site import PAGES, Key, make_certificate
from support.server_process import ServerProcess, is_missing

_CONFIG = """
global
  maxconn 2000
  tune.bufsize 8388608
  tune.sndbuf.client 65536
defaults
  mode http
  timeout client {patience_seconds}s
  timeout http-request {patience_seconds}s
  timeout http-keep-alive {patience_seconds}s
  timeout connect 5s
  timeout server 5s
frontend site
  bind 127.0.0.1:{port} ssl crt {root}/both.pem alpn h2,http/1.1
  acl is_large req.hdr_val(content-length) gt 1000000
  http-request return status 413 content-type text/plain string "too large" if is_large
{pages}
  http-request return status 404 content-type text/plain string "not here"
"""


def haproxy_is_missing() -> str | None:
    """Return why no haproxy can run here, or None."""
    return is_missing("haproxy", "openssl")


class HaproxySite(ServerProcess):
    """haproxy with a certificate, for TLS 1.2 and 1.3, HTTP/1.1 and 2, and a time-out for idle clients."""

    def __init__(self, name: str = "front.example", *, patience_seconds: int = 60, key: Key = "rsa") -> None:
        super().__init__()
        self.name = name
        self._patience_seconds = patience_seconds
        self._key = key

    @property
    def certificate_path(self) -> Path:
        """Its certificate in PEM."""
        return self.root / "cert.pem"

    def command(self) -> Sequence[str | Path]:
        """See the base."""
        make_certificate(self.name, self.root, self._key)
        both = self.certificate_path.read_text() + (self.root / "key.pem").read_text()
        (self.root / "both.pem").write_text(both)
        rules = []
        for number, (path, content) in enumerate(PAGES.items()):
            file = self.root / f"page-{number}"
            file.write_bytes(content)
            rules.append(f"  http-request return status 200 content-type text/plain file {file} if {{ path {path} }}")
        config = self.root / "haproxy.cfg"
        config.write_text(
            _CONFIG.format(
                port=self.port, root=self.root, pages="\n".join(rules), patience_seconds=self._patience_seconds
            )
        )
        return ["haproxy", "-db", "-f", config]
