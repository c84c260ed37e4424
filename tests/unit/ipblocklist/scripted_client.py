"""An HTTP client that answers what the test says, as far as lists use one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from unit.ipblocklist.client_network import ClientNetwork


@dataclass
class Answer:
    """A response.

    Attributes:
        chunks: What comes of the body, one after the other.
        hops: Schemes of what was asked before, and last of what answered.
        ends: False: the body never does.
    """

    chunks: Sequence[bytes] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-length": "5"})
    status_code: int = 200
    http_version: str = "HTTP/1.1"
    hops: Sequence[str] = ("https",)
    ends: bool = True

    @property
    def history(self) -> list[Any]:
        """What was asked before."""
        return [_hop(scheme) for scheme in self.hops[:-1]]

    @property
    def url(self) -> Any:
        """What answered."""
        return _hop(self.hops[-1]).url

    async def aiter_raw(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes."""
        for chunk in self.chunks:
            yield chunk
        if not self.ends:
            await asyncio.Event().wait()


def _hop(scheme: str) -> Any:
    return SimpleNamespace(url=SimpleNamespace(scheme=scheme))


def text(*chunks: bytes, **headers: str) -> Answer:
    """An answer that is all right."""
    return Answer(chunks, {"content-length": "5", **{name.replace("_", "-"): value for name, value in headers.items()}})


class ScriptedClient(ClientNetwork):
    """A network, and its client: the n-th request gets the n-th of `answers`, the last one stays.

    Attributes:
        asked: The URL and the headers of each request.
        options: The other arguments of the last one.
    """

    def __init__(self, *answers: Answer | Exception) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.options: dict[str, Any] = {}
        self.open = 0
        self.most_open = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self._answers = list(answers)

    @asynccontextmanager
    async def stream(self, method: str, url: str, *, headers: dict[str, str], **options: Any) -> AsyncIterator[Answer]:
        assert method == "GET"
        self.asked.append((url, headers))
        self.options = options
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await self.go_on.wait()
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            if isinstance(answer, Exception):
                raise answer
            yield answer
        finally:
            self.open -= 1
