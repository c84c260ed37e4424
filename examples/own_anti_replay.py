"""An anti-replay cache of your own: SQLite keeps it, so that it outlives a restart.

Whoever records a client's first message and sends it again must not learn that this is a proxy. A cache is one
method; it may wait, and should answer within a second.

python examples/own_anti_replay.py --database replay.sqlite
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import mtglib

MOST_HELLOS = 1_000_000


class SQLiteCache:
    """Remembers in a file what was seen; it may be shared by several proxies on one machine."""

    def __init__(self, path: Path) -> None:
        # SQLite blocks, the event loop must not: all calls run in this one thread.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="anti-replay")
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS seen (id INTEGER PRIMARY KEY, data BLOB UNIQUE)")

    async def seen_before(self, data: bytes) -> bool:
        """Tell whether `data` is among the latest hellos, and remember it if not."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._insert, data)

    def close(self) -> None:
        """Wait for what is under way, and close the file."""
        self._thread.shutdown()
        self._database.close()

    def _insert(self, data: bytes) -> bool:
        # A hello can be sent again at any age, as anybody can change the clock in it: only the number is bounded.
        inserted = self._database.execute("INSERT OR IGNORE INTO seen (data) VALUES (?)", (data,))
        if inserted.rowcount == 0:
            return True
        self._database.execute("DELETE FROM seen WHERE id <= ?", ((inserted.lastrowid or 0) - MOST_HELLOS,))
        return False


async def serve(secret: mtglib.Secret, listener: socket.socket, database: Path, **changes: Any) -> None:
    """Serve until cancelled; `changes` are attributes of `mtglib.ProxyOpts`."""
    cache = SQLiteCache(database)
    options = mtglib.ProxyOpts.with_defaults(secret, anti_replay_cache=cache, **changes)
    try:
        async with mtglib.Proxy(options) as proxy:
            await proxy.serve(listener)
    finally:
        cache.close()


def main() -> None:
    """Make a secret, show the link, serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="www.example.com", help="the site to show to visitors")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--database", type=Path, default=Path("replay.sqlite"))
    arguments = parser.parse_args()
    secret = mtglib.Secret.generate(arguments.host)
    with socket.create_server(("", arguments.port)) as listener, suppress(KeyboardInterrupt):
        port = listener.getsockname()[1]
        print(f"tg://proxy?server=127.0.0.1&port={port}&secret={secret.hex()}", flush=True)
        asyncio.run(serve(secret, listener, arguments.database))


if __name__ == "__main__":
    main()
