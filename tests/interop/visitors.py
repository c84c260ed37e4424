"""Who looks at a site: curl, openssl, and a bare socket; each reports what it saw, but for what differs every time.

They ask for the site by its name and connect to any port on 127.0.0.1, so that a port of the proxy and one of the
site itself can be compared.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

from support import sockets
from support.server_process import is_missing

NAME = "front.example"
_VISIT_TIMEOUT = 30.0

_SESSION_LINES = re.compile(
    r"^\s*(HTTP/|subject|issuer|Peer sign|Server Temp Key|Server public key|Verification|Verify return"
    r"|New,|Reused,|Protocol|Cipher|Compression|Expansion|No ALPN|ALPN|Early data|Secure Reneg|Extended master"
    r"|-----|[A-Za-z0-9+/=]+$)"
)


def visitors_are_missing() -> str | None:
    """Return why there is nobody to visit a site, or None."""
    return is_missing("curl", "openssl")


@dataclass(frozen=True)
class Page:
    """What curl got: status line and headers but for the date, the body, and what curl says of the transfers."""

    headers: bytes
    body: bytes
    transfers: str


async def run(*command: str, stdin: bytes = b"") -> bytes:
    """Run a program and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_VISIT_TIMEOUT):
            output, errors = await process.communicate(stdin)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, f"{command[0]}: {process.returncode} {errors.decode()}"
    return output


async def curl(port: int, certificate: Path, *arguments: str, paths: tuple[str, ...] = ("/",)) -> Page:
    """Fetch pages in one run, over one connection if the site allows."""
    told = r"%{http_code} %{http_version} %{num_connects} %{size_download} %{ssl_verify_result} %{content_type}\n"
    folder = certificate.parent
    headers, body = folder / f"headers-{port}", folder / f"body-{port}"
    transfers = await run(
        *("curl", "--silent", "--show-error", "--cacert", str(certificate)),
        *("--connect-to", f"{NAME}:443:127.0.0.1:{port}", "--dump-header", str(headers), "--write-out", told),
        *arguments,
        *(part for path in paths for part in (f"https://{NAME}{path}", "--output", f"{body}-{len(path)}")),
    )
    bodies = b"".join(Path(f"{body}-{len(path)}").read_bytes() for path in paths)
    return Page(_dateless(headers.read_bytes()), _dateless(bodies), transfers.decode())


async def s_client(port: int, certificate: Path, *arguments: str) -> list[str]:
    """Fetch a page with ``openssl s_client``; return its lines about certificate and session, and the status."""
    command = ("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", str(certificate), "-showcerts")
    # Until the site closes: by then its session tickets are there, however slow it was.
    request = f"GET / HTTP/1.0\r\nHost: {NAME}\r\n\r\n".encode()
    output = await run(*command, "-ign_eof", *arguments, stdin=request)
    return [line for line in output.decode().splitlines() if _SESSION_LINES.match(line)]


async def knock(port: int, data: bytes, *, then_eof: bool = False) -> sockets.Received:
    """Send bytes over a bare socket; return all that came back, but for a date, and how it ended."""
    sock = await sockets.connect("127.0.0.1", port)
    try:
        async with asyncio.timeout(_VISIT_TIMEOUT):
            await sockets.send_all(sock, data)
            if then_eof:
                sockets.send_eof(sock)
            received = await sockets.recv_until_end(sock)
    finally:
        sockets.close(sock)
    return sockets.Received(_dateless(received.data), received.ending)


def _dateless(data: bytes) -> bytes:
    return re.sub(rb"\r\nDate: [^\r]*", b"", data)
