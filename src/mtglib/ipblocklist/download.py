"""Downloads a list over HTTP(S): completely or not at all, and never more than the size limit."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from ..ground.deadlines import within
from ..interfaces import Network
from .disk_cache import Validators
from .list_error import ListError
from .pieces import Pieces


async def download(
    network: Network, url: str, known: Validators, *, timeout_seconds: float, max_bytes: int
) -> tuple[list[bytes], Validators] | None:
    """Download a list, in pieces of whole lines; None if it is still the version `known`.

    Args:
        network: Provides the HTTP client, which may follow some redirects.
        url: The URL.
        known: Validators of the version that we have.
        timeout_seconds: For everything, from the dial to the last byte.
        max_bytes: For the text, decompressed.

    Raises:
        ListError: The server's answer isn't a list.
        TimeoutError: It took too long; the message says how long.
        Exception: Any other exception of the client.
    """
    downloading = _get(network, url, known, timeout_seconds, max_bytes)
    return await within(timeout_seconds, downloading, what="not downloaded")


async def _get(
    network: Network, url: str, known: Validators, timeout_seconds: float, max_bytes: int
) -> tuple[list[bytes], Validators] | None:
    headers = _request_headers(known)
    async with (
        network.http_client() as client,
        # A client's own time-outs may be shorter than the time that a slow server is given.
        client.stream("GET", url, headers=headers, follow_redirects=True, timeout=timeout_seconds) as response,
    ):
        schemes = [hop.url.scheme for hop in (*response.history, response)]
        if schemes[0] == "https" and set(schemes) != {"https"}:
            raise ListError("redirected from https to http")
        if response.status_code == 304 and known != Validators():
            return None
        if response.status_code != 200:
            raise ListError(f"the server answered {response.status_code}")
        if not _shows_its_end(response):
            raise ListError("the server doesn't say how long it is, so it may be incomplete")
        text = await _read(response, max_bytes)
        return text, Validators.of_server(response.headers.get("etag", ""), response.headers.get("last-modified", ""))


def _request_headers(known: Validators) -> dict[str, str]:
    headers = {"Accept-Encoding": "gzip", "If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in headers.items() if value}


def _shows_its_end(response: Any) -> bool:
    """Return whether we would notice a body that is cut off: in HTTP/1, closing the connection may end it."""
    headers: Mapping[str, str] = response.headers
    return (
        "content-length" in headers or "transfer-encoding" in headers or not response.http_version.startswith("HTTP/1")
    )


async def _read(response: Any, max_bytes: int) -> list[bytes]:
    """Read and decompress the body here: a client would expand it up to a thousand times in one go."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise ListError("compressed with a method that wasn't requested")
    gzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS) if encoding != "identity" else None
    text = Pieces()
    async for chunk in response.aiter_raw():
        text.add(gzip.decompress(chunk, max_bytes + 1 - text.size_bytes) if gzip else chunk)
        if text.size_bytes > max_bytes:
            raise ListError(f"larger than {max_bytes} bytes")
        if gzip and gzip.unused_data:
            raise ListError("there is data after the end of the compressed data")
    if gzip and not gzip.eof:
        raise ListError("the compressed data is incomplete")
    return text.done()
