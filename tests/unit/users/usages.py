"""Users of whom something is counted, and files of that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.users import UsageFile, User, Users

NOW = 1_800_000_000.0
DAY = 86_400.0


def users(*names: str) -> Users:
    return Users(User(name, mtglib.Secret.generate("front.example")) for name in names or ("ann", "bob"))


def count(of: Users, name: str, from_client_bytes: int, to_client_bytes: int = 0, now_unix: float = NOW) -> None:
    (account,) = (one for one in of.accounts if one.user.name == name)
    account.usage.count_stream(now_unix)
    account.usage.count_bytes(from_client_bytes, to_client_bytes, now_unix)


def used(of: Users, name: str) -> tuple[int, int, int]:
    usage = of.usage(name, NOW)
    assert usage is not None
    return usage.from_client_bytes, usage.to_client_bytes, usage.streams


def file_of(of: Users, directory: Path, **options: Any) -> UsageFile:
    options.setdefault("logger", RecordingLogger())
    return UsageFile(of, directory / "usage", **{"now_unix": lambda: NOW, **options})


@asynccontextmanager
async def opened(of: Users, directory: Path, **options: Any) -> AsyncIterator[UsageFile]:
    file = file_of(of, directory, **options)
    await file.load()
    try:
        yield file
    finally:
        await file.close()
