"""A web site on this machine, as small as can be: HTTP/1.1, or HTTP/2 over TLS."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import socket
import ssl
from pathlib import Path
from types import TracebackType
from typing import Self

import h2.config
import h2.connection
import h2.events
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mtglib.network import Direct


class Dialled:
    """A dial function that leads to one port of this machine, whatever the name."""

    def __init__(self, port: int) -> None:
        self.asked_for: list[tuple[str, int]] = []
        self._port = port

    async def __call__(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        self.asked_for.append((host, port))
        return await Direct().dial("127.0.0.1", self._port, timeout_seconds=timeout_seconds)


class Site:
    """Serves `pages` (path -> whole HTTP/1.1 response); keeps each request's first line and Host in `requests`.

    Of HTTP/1.1 requests, all lines of the head are in `heads`.
    """

    def __init__(self, pages: dict[str, bytes], context: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[str, str]] = []
        self.heads: list[list[str]] = []
        self.open = 0
        self.port = 0
        self._pages = pages
        self._context = context
        self._all_closed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        while self.open:
            self._all_closed.clear()
            await self._all_closed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
        try:
            if tls is not None and tls.selected_alpn_protocol() == "h2":
                await self._serve_h2(reader, writer)
            else:
                await self._serve_h1(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()
            self.open -= 1
            self._all_closed.set()

    async def _serve_h1(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
            await reader.readexactly(int(fields.get("content-length", "0")))
            self.requests.append((first, fields["host"]))
            self.heads.append([first, *rest])
            page = self._pages.get(first.split()[1])
            if page is None:
                continue  # keep silent
            writer.write(page)
            await writer.drain()

    async def _serve_h2(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    headers = {_text(name): _text(value) for name, value in event.headers}
                    self.requests.append((f"{headers[':method']} {headers[':path']} HTTP/2", headers[":authority"]))
                    connection.send_headers(event.stream_id, [(":status", "200")])
                    connection.send_data(event.stream_id, b"over HTTP/2", end_stream=True)
            writer.write(connection.data_to_send())


def _text(header: str | bytes) -> str:
    return header if isinstance(header, str) else header.decode("ascii")


def response(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Make a whole HTTP/1.1 response."""
    return "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", "")).encode() + body


def self_signed(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for a name; returns its file, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, key_pem = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key_pem)
    return pem, context
