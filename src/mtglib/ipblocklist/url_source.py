"""A list that is downloaded, and its copy on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Self

from ..ground.urls import URLParts
from ..interfaces import Network
from .disk_cache import DiskCache, Validators
from .download import download
from .list_error import ListError
from .source import Source, in_thread


class URLSource(Source):
    """A download, and its copy on disk.

    Args:
        url: The URL.
        network: Provides the HTTP client.
        disk_cache: Stores the copy; None: no copy.
        timeout_seconds: The limit for a download.
        max_bytes: The most bytes of text; more is an error.
        disk: Held while the copy is loaded.
        downloads: Held from the request until the list is parsed and saved.

    Attributes:
        validators: Those of the contents.
    """

    def __init__(
        self,
        url: URLParts,
        *,
        network: Network,
        disk_cache: DiskCache | None,
        timeout_seconds: float,
        max_bytes: int,
        disk: asyncio.Semaphore,
        downloads: asyncio.Semaphore,
    ) -> None:
        super().__init__(url.label, url.secrets, name=url.text)
        self._url = url.text
        self._network = network
        self._disk_cache = disk_cache
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._disk = disk
        self._downloads = downloads
        self.validators = Validators()

    def take_over(self, earlier: Self) -> None:
        """See `Source.take_over`."""
        super().take_over(earlier)
        self.validators = earlier.validators

    async def load(self) -> None:
        """See `Source.load`."""
        if self._disk_cache is None or self.digest:
            return
        async with self._disk:
            copy = await in_thread(self._disk_cache.read, self._url)
            if copy is None:
                return
            try:
                await self._take(copy.text, "copy", may_be_empty=False)
            except ListError as error:
                raise self._disk_cache.unusable(self._url, str(error)) from error
            self.validators = copy.validators

    async def update(self) -> None:
        """See `Source.update`."""
        async with self._downloads:
            answer = await download(
                self._network,
                self._url,
                await self._known(),
                timeout_seconds=self._timeout_seconds,
                max_bytes=self._max_bytes,
            )
            if answer is None:
                return
            text, validators = answer
            await self._take(text, "download", may_be_empty=False)
            self.validators = validators
            await self._keep(text)

    async def _known(self) -> Validators:
        """Return the validators of our version; empty ones if its copy is missing, so that it is sent again."""
        if self._disk_cache is None or await in_thread(self._disk_cache.has, self._url, self.digest, self.validators):
            return self.validators
        return Validators()

    async def _keep(self, text: Sequence[bytes]) -> None:
        if self._disk_cache is None:
            return
        try:
            await in_thread(self._disk_cache.keep, self._url, text, self.validators)
            self.cache_error = None
        except OSError as error:
            self.cache_error = error
