"""A real web site to front: Debian's nginx with a certificate of its own, TLS 1.2 and 1.3, fixed pages."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from support.pattern import Pattern
from support.server_process import is_missing

PAGES = {
    "/": b"<!doctype html><title>A site</title><p>Hello.</p>\n",
    "/page.txt": b"a page of text\n" * 100,
    "/large.bin": Pattern(80).take(5_000_000),
}
"""The site's pages, by path; /client shows the client of the PROXY protocol header."""

Key = Literal["ec", "rsa"]
_KEYS: dict[Key, list[str]] = {
    "ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    "rsa": ["-newkey", "rsa:2048"],
}

_CONFIG = """
daemon off;
worker_processes 1;
user root;
pid {root}/nginx.pid;
error_log {root}/error.log info;
events {{ worker_connections 512; }}
http {{
  access_log {root}/access.log;
  client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;
  uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
  default_type text/plain;
  keepalive_timeout {keepalive_seconds}s;
  client_header_timeout {header_seconds}s;
  server {{
    listen {host}:{port} ssl{extra};
    server_name {name};
    ssl_certificate {root}/cert.pem;
    ssl_certificate_key {root}/key.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    root {root}/pages;
    {directives}
    location = /client {{ return 200 "$proxy_protocol_addr $proxy_protocol_port"; }}
  }}
}}
"""


def nginx_is_missing() -> str | None:
    """Return why no nginx can run here, or None."""
    return is_missing("nginx", "openssl")


class NginxSite:
    """nginx on a local port for the length of the context.

    ``certificate_path`` is its self-signed certificate, for clients to trust. ``directives`` are nginx's own, for the
    server; ``key`` is the kind of its certificate's key. It answers as soon as the context is entered: its socket
    listens before the process runs, and is passed to it.
    """

    def __init__(
        self,
        name: str = "front.example",
        *,
        host: str = "127.0.0.1",
        keepalive_seconds: int = 60,
        header_seconds: int = 60,
        proxy_protocol: bool = False,
        http2: bool = False,
        directives: str = "",
        key: Key = "ec",
    ) -> None:
        self.name = name
        self.host = host
        self.port = 0
        self._settings = {
            "keepalive_seconds": keepalive_seconds,
            "header_seconds": header_seconds,
            "extra": f"{' http2' if http2 else ''}{' proxy_protocol' if proxy_protocol else ''}",
            "directives": directives,
        }
        self._key = key
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> Path:
        """The folder with all files of this site."""
        if self._folder is None:
            raise RuntimeError("the site is not running")
        return Path(self._folder.name)

    @property
    def address(self) -> str:
        """``ip:port``."""
        return f"{self.host}:{self.port}"

    @property
    def certificate_path(self) -> Path:
        """The site's certificate in PEM."""
        return self.root / "cert.pem"

    def access_log(self) -> list[str]:
        """Return the lines logged so far; a line may come shortly after the client has its answer."""
        return (self.root / "access.log").read_text().splitlines()

    async def __aenter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="site-")
        await asyncio.to_thread(self._prepare)
        with socket.create_server((self.host, 0)) as listener:
            self.port = listener.getsockname()[1]
            self._start(listener)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            await asyncio.to_thread(self._process.wait)
        if self._folder is not None:
            self._folder.cleanup()

    def _prepare(self) -> None:
        make_certificate(self.name, self.root, self._key)
        write_pages(self.root / "pages")

    def _start(self, listener: socket.socket) -> None:
        config = self.root / "nginx.conf"
        config.write_text(
            _CONFIG.format(root=self.root, host=self.host, port=self.port, name=self.name, **self._settings)
        )
        self._process = subprocess.Popen(
            ["nginx", "-c", str(config), "-p", str(self.root), "-e", str(self.root / "error.log")],
            env={**os.environ, "NGINX": f"{listener.fileno()};"},
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
        )


def write_pages(folder: Path) -> None:
    """Create a folder with `PAGES`."""
    for path, content in PAGES.items():
        file = folder / (path.strip("/") or "index.html")
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)


def make_certificate(name: str, folder: Path, key: Key = "ec") -> None:
    """Make ``cert.pem`` and ``key.pem``, self-signed for this name, with the openssl program.

    All signatures of an RSA key have the same length; those of an EC key vary by some bytes.
    """
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", *_KEYS[key]),
            *("-days", "30", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
