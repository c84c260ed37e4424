"""A running program that can be asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mtglib
from integration.recording_logger import RecordingLogger
from mtg.app import App
from mtg.build import build_parts
from mtg.config import config_from_table
from support.ports import free_port

SECRET = mtglib.Secret(bytes(range(16)), "front.example")


class Running:
    """A program, and where it can be asked."""

    def __init__(self, app: App, socket: str, api: tuple[str, int], logger: RecordingLogger) -> None:
        self.app = app
        self.socket = socket
        self.api = api
        self.logger = logger

    @property
    def warnings(self) -> list[str]:
        return [message.text for message in self.logger.messages if message.level == "warning"]


@asynccontextmanager
async def running(tmp_path: Path, *, token: str | None = None, **more: Any) -> AsyncIterator[Running]:
    """A program that can be asked on both ways; its state directory is its own."""
    path, port = tmp_path / "mtg.sock", free_port()
    table: dict[str, Any] = {
        "secret": SECRET.hex(),
        "bind-to": "127.0.0.1:0",
        "control-socket": str(path),
        "api-bind-to": f"127.0.0.1:{port}",
        "state-directory": str(tmp_path / "state"),
        "network": {"dns": ""},
        **more,
    }
    table = {key: value for key, value in table.items() if value is not None}
    if token is not None:
        (tmp_path / "token").write_text(f"{token}\n")
        table["api-token-file"] = "token"
    logger = RecordingLogger()
    app = App(build_parts(config_from_table(table, source="test", directory=tmp_path), logger=logger))
    async with asyncio.timeout(30):
        await app.start()
        try:
            yield Running(app, str(path), ("127.0.0.1", port), logger)
        finally:
            await app.stop(0)
