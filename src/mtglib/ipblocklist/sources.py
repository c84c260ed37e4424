"""Makes sources from the strings of an option."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from ..errors import OptionError
from ..ground.urls import split_url
from ..interfaces import Network
from .disk_cache import DiskCache
from .source import FileSource, Source
from .url_source import URLSource

_EXPECTED = "an http(s) URL or an absolute path"


def make_sources(
    urls: Sequence[str],
    *,
    network: Network,
    directory: Path | None,
    at_once: int,
    timeout_seconds: float,
    max_bytes: int,
) -> list[Source]:
    """Make a source for each URL and each path, without duplicates.

    Args:
        urls: As the user wrote them.
        network: Provides the HTTP client.
        directory: Where copies are stored; None: no copies.
        at_once: The most downloads at once, and the most files read at once beside them.
        timeout_seconds: The limit for one download.
        max_bytes: The most bytes of one source's text.

    Raises:
        OptionError: One is neither a URL nor an absolute path; the message says which, but doesn't repeat it.
    """
    disk_cache = None if directory is None else DiskCache(directory, max_bytes)
    disk, downloads = asyncio.Semaphore(at_once), asyncio.Semaphore(at_once)

    def make_source(name: str, text: str) -> Source:
        if text.startswith("/"):
            return FileSource(_parse_path(name, text), max_bytes, disk)
        return URLSource(
            split_url(text, ("http", "https"), _EXPECTED, name, may_have_fragment=True),
            network=network,
            disk_cache=disk_cache,
            timeout_seconds=timeout_seconds,
            max_bytes=max_bytes,
            disk=disk,
            downloads=downloads,
        )

    return [make_source(f"urls[{urls.index(text)}]", text) for text in dict.fromkeys(urls)]


def _parse_path(name: str, text: str) -> Path:
    if any(char < " " or char == "\x7f" for char in text):
        raise OptionError(name, "an absolute path without control characters")
    return Path(text)
