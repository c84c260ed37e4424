"""TDLib, Telegram's own client library (PyPI ``tdjson``), which tries out proxies.

It only runs where it can't reach Telegram: ``TDLib`` refuses to start if any route leads beyond the loopback interface.
TDLib is global to a process, so give it a process of its own (``support.netns``).
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import tempfile
from types import TracebackType
from typing import Any, Self

from support.netns import routes_beyond_loopback

_RECEIVE_SECONDS = 0.1


class TDLibError(Exception):
    """TDLib answered with an error; ``str`` is its message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def tdlib_is_missing() -> str | None:
    """Return why TDLib can't be used here, or None."""
    return None if importlib.util.find_spec("tdjson") else "tdjson is not installed"


class TDLib:
    """One client with a database of its own, removed at the end; ``use_test_dc`` is Telegram's test mode."""

    def __init__(self, *, use_test_dc: bool = False, verbosity: int = 0) -> None:
        if beyond := routes_beyond_loopback():
            raise RuntimeError(f"TDLib only runs where nothing but the loopback can be reached: {beyond}")
        # Imported here, because importing it loads the library, which isn't installed everywhere.
        import tdjson

        self._td = tdjson
        self._use_test_dc = use_test_dc
        self._verbosity = verbosity
        self._client = 0
        self._number = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._closed = asyncio.Event()
        self._receiver: asyncio.Task[None] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    async def __aenter__(self) -> Self:
        self._execute({"@type": "setLogVerbosityLevel", "new_verbosity_level": self._verbosity})
        self._folder = tempfile.TemporaryDirectory(prefix="tdlib-")
        self._client = self._td.td_create_client_id()
        self._receiver = asyncio.create_task(self._receive_for_ever(), name="test-tdlib")
        await self.request(
            {
                "@type": "setTdlibParameters",
                "use_test_dc": self._use_test_dc,
                "database_directory": self._folder.name,
                "api_id": 1,
                "api_hash": "0" * 32,
                "system_language_code": "en",
                "device_model": "test",
                "application_version": "1",
            }
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._send({"@type": "close"})
        try:
            async with asyncio.timeout(10):
                await self._closed.wait()
        finally:
            if self._receiver is not None:
                self._receiver.cancel()
                await asyncio.gather(self._receiver, return_exceptions=True)
            if self._folder is not None:
                self._folder.cleanup()

    async def request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return its answer; raises TDLibError."""
        self._number += 1
        number = self._number
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._send({**request, "@extra": number})
        try:
            result: dict[str, Any] = await answer
        finally:
            del self._answers[number]
        if result["@type"] == "error":
            raise TDLibError(result["code"], result["message"])
        return result

    async def ping_proxy(self, server: str, port: int, secret_hex: str) -> float:
        """Return how many seconds a round trip to a DC through the proxy takes; raises TDLibError."""
        answer = await self.request({"@type": "pingProxy", "proxy": _proxy(server, port, secret_hex)})
        return float(answer["seconds"])

    async def test_proxy(
        self, server: str, port: int, secret_hex: str, *, dc_id: int = 2, test_timeout: float = 10.0
    ) -> None:
        """Try a key exchange with this DC through the proxy; ``test_timeout`` is in seconds; raises TDLibError.

        With a DC that doesn't hold Telegram's key it can't succeed.
        """
        request = {"@type": "testProxy", "proxy": _proxy(server, port, secret_hex)}
        await self.request({**request, "dc_id": dc_id, "timeout": test_timeout})

    async def connect_through(self, server: str, port: int, secret_hex: str) -> None:
        """Make the client use the proxy from now on, as after a tap on a link: it connects immediately."""
        proxy = _proxy(server, port, secret_hex)
        await self.request({"@type": "addProxy", "proxy": proxy, "enable": True})

    def _send(self, request: dict[str, Any]) -> None:
        self._td.td_send(self._client, json.dumps(request).encode())

    def _execute(self, request: dict[str, Any]) -> None:
        self._td.td_execute(json.dumps(request).encode())

    async def _receive_for_ever(self) -> None:
        while True:
            text = await asyncio.to_thread(self._td.td_receive, _RECEIVE_SECONDS)
            if text is not None:
                self._take(json.loads(text))

    def _take(self, message: dict[str, Any]) -> None:
        answer = self._answers.get(message.get("@extra", 0))
        if answer is not None and not answer.done():
            answer.set_result(message)
        state = message.get("authorization_state", {})
        if state.get("@type") == "authorizationStateClosed":
            self._closed.set()


def _proxy(server: str, port: int, secret_hex: str) -> dict[str, Any]:
    kind = {"@type": "proxyTypeMtproto", "secret": secret_hex}
    return {"@type": "proxy", "server": server, "port": port, "type": kind}
