"""What takes long is done off the event loop's thread: reading, parsing, hashing, merging, writing."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mtglib.ipblocklist import FireHOL, merged, source
from mtglib.ipblocklist.prefixes import Prefixes, PrefixSet
from mtglib.network import Direct
from support.list_server import ListServer, page

Threads = dict[str, set[int]]


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Threads:
    """The threads in which something was done, by what it was."""
    seen: Threads = {}

    def watched(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*positional: Any, **named: Any) -> Any:
            seen.setdefault(what, set()).add(threading.get_ident())
            return function(*positional, **named)

        return call

    class Watched:
        """Makes sets of prefixes."""

        def __new__(cls, *pieces: bytes) -> Any:
            return watched("parse", PrefixSet)(*pieces) if any(pieces) else PrefixSet(*pieces)

        @staticmethod
        def union(sets: Sequence[Prefixes]) -> Prefixes:
            made: Prefixes = watched("merge", PrefixSet.union)(sets)
            return made

    monkeypatch.setattr(source, "PrefixSet", Watched)
    monkeypatch.setattr(merged, "PrefixSet", Watched)
    monkeypatch.setattr(hashlib, "sha256", watched("hash", hashlib.sha256))
    for name in ("open", "fsync", "replace"):
        monkeypatch.setattr(os, name, watched(name, getattr(os, name)))
    return seen


async def test_files_are_read_parsed_and_merged_elsewhere(tmp_path: Path, threads: Threads) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for number, path in enumerate(paths):
        path.write_text(f"192.0.2.{number}")
    found = FireHOL([str(path) for path in paths], network=Direct())
    await found.load()
    paths[0].write_text("198.51.100.0/24")
    await found.update()

    assert found.size == 2
    assert {"open", "parse", "merge", "hash"} <= threads.keys()
    assert not any(threading.get_ident() in idents for idents in threads.values())


async def test_downloads_are_parsed_kept_and_loaded_elsewhere(tmp_path: Path, threads: Threads) -> None:
    async with ListServer({"/list": page(b"192.0.2.0/24\n")}) as server:
        for act in ("update", "load", "update"):  # the second one writes nothing: the copy is there
            found = FireHOL([server.url("/list")], network=Direct(), cache_directory=tmp_path)
            await getattr(found, act)()
            assert found.size == 1

    assert {"open", "parse", "hash", "fsync", "replace"} <= threads.keys()
    assert not any(threading.get_ident() in idents for idents in threads.values())
