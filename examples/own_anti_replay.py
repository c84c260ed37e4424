"""An anti-replay cache of your own: SQLite keeps it, so that it outlives a restart.

Whoever records a client's first message and sends it again must not learn that this is a proxy. A cache is one
method; it may wait, and should answer within a second.

python examples/own_anti_replay.py --database replay.sqlite
"""

import argparse
import asyncio
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import mtglib

SKEW_SECONDS = 5.0


class SQLiteCache:
    """Remembers in a file what was seen; it may be shared by several proxies on one machine."""

    persistent = True
    """A restart forgets nothing, so that hellos from before it need not be refused."""

    def __init__(self, path: Path, window_seconds: float) -> None:
        self._window_seconds = window_seconds
        # SQLite blocks, the event loop must not: all calls run in this one thread.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="anti-replay")
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS seen (data BLOB PRIMARY KEY, at_unix REAL) WITHOUT ROWID")
        self._database.execute("CREATE INDEX IF NOT EXISTS seen_at ON seen (at_unix)")

    async def seen_before(self, data: bytes) -> bool:
        """Tell whether `data` was seen within the window, and remember it if not."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._insert, data)

    def close(self) -> None:
        """Wait for what is under way, and close the file."""
        self._thread.shutdown()
        self._database.close()

    def _insert(self, data: bytes) -> bool:
        now_unix = time.time()
        self._database.execute("DELETE FROM seen WHERE at_unix < ?", (now_unix - self._window_seconds,))
        return self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (data, now_unix)).rowcount == 0


async def serve(secret: mtglib.Secret, listener: socket.socket, database: Path, **changes: Any) -> None:
    """Serve until cancelled; `changes` are attributes of `mtglib.ProxyOpts`."""
    # A hello is accepted from SKEW_SECONDS before its own time until as long after it.
    cache = SQLiteCache(database, window_seconds=2 * SKEW_SECONDS + 1)
    options = mtglib.ProxyOpts.with_defaults(
        secret, anti_replay_cache=cache, tolerate_time_skewness_seconds=SKEW_SECONDS, **changes
    )
    try:
        async with mtglib.Proxy(options) as proxy:
            await proxy.serve(listener)
    finally:
        cache.close()


def main() -> None:
    """Make a secret, show the link, serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="www.example.com", help="the site to show to strangers")
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
