"""A network of your own: Telegram is reached through an HTTP proxy, over TLS if you like.

A tunnel that isn't a plain socket (TLS, SSH, WebSocket, QUIC) comes as a pair of asyncio streams;
`mtglib.socket_from_streams` makes a socket of it, so that the relay works as with any other.

python examples/own_network.py --proxy https://proxy.example.net:8080
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import ssl
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import mtglib
from mtglib.network import Direct

MAX_ANSWER_BYTES = 16 * 1024


class HTTPProxyNetwork(Direct):
    """Dials through an HTTP proxy's CONNECT; the HTTP client that a `Network` needs is Direct's, with this dial.

    Args:
        url: http://host:port or https://host:port.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected http://host:port or https://host:port")
        self._address = (parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        """Connect to `host` through the proxy.

        Raises:
            OSError, TimeoutError: No connection; mtglib then tries the next address.
        """
        async with asyncio.timeout(timeout_seconds):
            reader, writer = await asyncio.open_connection(*self._address, ssl=self._tls, limit=MAX_ANSWER_BYTES)
            try:
                await _open_tunnel(reader, writer, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
            except BaseException:
                writer.close()
                raise
        return mtglib.socket_from_streams(reader, writer)


async def _open_tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str) -> None:
    writer.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode("ascii"))
    try:
        answer = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise OSError("the proxy doesn't speak HTTP") from error
    status = answer.split(b"\r\n", 1)[0].split(b" ")
    if len(status) < 2 or status[1] != b"200":
        raise OSError(f"the proxy refuses {target}: {b' '.join(status)[:80]!r}")


async def serve(secret: mtglib.Secret, listener: socket.socket, proxy_url: str, **changes: Any) -> None:
    """Serve until cancelled; `changes` are attributes of `mtglib.ProxyOpts`."""
    # Visitors are shown the fronting site without a detour.
    options = mtglib.ProxyOpts.with_defaults(
        secret, network=HTTPProxyNetwork(proxy_url), front_network=Direct(), **changes
    )
    async with mtglib.Proxy(options) as proxy:
        await proxy.serve(listener)


def main() -> None:
    """Make a secret, show the link, serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="www.example.com", help="the site to show to visitors")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--proxy", default="http://127.0.0.1:3128", help="the HTTP proxy")
    arguments = parser.parse_args()
    secret = mtglib.Secret.generate(arguments.host)
    with socket.create_server(("", arguments.port)) as listener, suppress(KeyboardInterrupt):
        port = listener.getsockname()[1]
        print(f"tg://proxy?server=127.0.0.1&port={port}&secret={secret.hex()}", flush=True)
        asyncio.run(serve(secret, listener, arguments.proxy))


if __name__ == "__main__":
    main()
