"""A site with Go's own server: see go_site.go, which is built here."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from support.nginx_site import Key, make_certificate, write_pages
from support.server_process import ServerProcess, is_missing

_SOURCE = Path(__file__).with_name("go_site.go")


def go_is_missing() -> str | None:
    """Return why no site of this kind can run here, or None."""
    return is_missing("go", "openssl")


def go_lacks_post_quantum() -> bool:
    """Return whether this Go, which must be installed, is older than 1.24, as Debian 12's is."""
    version = subprocess.check_output(["go", "env", "GOVERSION"], text=True)
    return [int(number) for number in version.strip().removeprefix("go").split(".")[:2]] < [1, 24]


class GoSite(ServerProcess):
    """net/http with TLS 1.2 and 1.3, HTTP/1.1 and 2, and a time-out for idle clients."""

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
        program = _built()
        make_certificate(self.name, self.root, self._key)
        write_pages(self.root / "pages")
        files = (self.certificate_path, self.root / "key.pem", self.root / "pages")
        return [program, f"127.0.0.1:{self.port}", *files, str(self._patience_seconds)]


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="go-site-")  # removed with the process


@cache
def _built() -> Path:
    """Build it once per process; after the first time, Go's own cache makes that quick."""
    program = Path(_folder().name) / "go_site"
    # This needs neither a C compiler nor a network.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": ""}
    subprocess.run(["go", "build", "-o", program, _SOURCE], check=True, capture_output=True, env=environment)
    return program
