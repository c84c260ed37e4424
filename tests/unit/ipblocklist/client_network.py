"""A network that is its own HTTP client, for what downloads; subclasses say what `stream` does."""

from __future__ import annotations

from typing import Any, Self


class ClientNetwork:
    """All of `mtglib.Network` and of its client, but for `stream`."""

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> Any:
        raise NotImplementedError

    def http_client(self, dial: object = None) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None
