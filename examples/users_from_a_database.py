"""Users in a SQLite database: whoever is in its table may come in, a second later, and what they use is written back.

python examples/users_from_a_database.py --host www.example.com --port 8443 --add joe --add jane
sqlite3 users.sqlite3 "UPDATE users SET is_enabled = 0 WHERE name = 'joe'"
sqlite3 users.sqlite3 "SELECT name, used_bytes, last_seen FROM users"
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import mtglib

TABLE = """
CREATE TABLE IF NOT EXISTS users (
    name TEXT PRIMARY KEY,
    secret TEXT NOT NULL UNIQUE,
    is_enabled INTEGER NOT NULL DEFAULT 1,
    quota_bytes INTEGER,  -- for each month; NULL: as much as they like
    used_bytes INTEGER NOT NULL DEFAULT 0,
    last_seen TEXT
)
"""


def add_users(path: Path, names: Sequence[str], host: str) -> None:
    """Make the table if there is none, and add users with new secrets; those who are there keep theirs."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(TABLE)
        for name in names:
            secret = mtglib.Secret.generate(host)
            database.execute("INSERT OR IGNORE INTO users (name, secret) VALUES (?, ?)", (name, secret.hex()))


def read_users(path: Path) -> list[mtglib.User]:
    """Read all users.

    Raises:
        sqlite3.Error: The database can't be read.
        mtglib.MtglibError: A name or a secret in it is invalid.
    """
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT name, secret, is_enabled, quota_bytes FROM users ORDER BY rowid").fetchall()
    return [
        mtglib.User(
            name,
            mtglib.Secret.parse(secret),
            mtglib.UserLimits(is_enabled=bool(is_enabled), quota_bytes=quota_bytes, quota_period="month"),
        )
        for name, secret, is_enabled, quota_bytes in rows
    ]


def write_usage(path: Path, used: Sequence[tuple[int, float, str]]) -> None:
    """Add to what users have used: bytes since the last time, Unix time and name of each."""
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany(
            "UPDATE users SET used_bytes = used_bytes + ?, last_seen = datetime(?, 'unixepoch') WHERE name = ?", used
        )


async def follow(path: Path, users: mtglib.Users, each_seconds: float) -> None:
    """Keep users as the database has them, and write back what they use."""
    written: dict[str, int] = {}
    while True:
        await asyncio.sleep(each_seconds)
        used = []
        for user in users:
            usage = users.usage(user.name, time.time())
            if usage is not None and usage.last_seen_unix is not None:
                all_bytes = usage.from_client_bytes + usage.to_client_bytes
                used.append((all_bytes - written.get(user.name, 0), usage.last_seen_unix, user.name))
                written[user.name] = all_bytes
        try:
            await asyncio.to_thread(write_usage, path, used)
            users.set(await asyncio.to_thread(read_users, path))  # a thread, so that a slow disk delays nobody
        except (sqlite3.Error, mtglib.MtglibError) as error:
            print(f"the database isn't used for now: {error}", flush=True)


async def serve(path: Path, host: str, listener: socket.socket, each_seconds: float = 1.0, **changes: Any) -> None:
    """Serve until cancelled; `changes` are attributes of `mtglib.ProxyOpts`."""
    users = mtglib.Users(await asyncio.to_thread(read_users, path))
    options = mtglib.ProxyOpts.with_defaults(users=users, domain_fronting_default_host=host, **changes)
    async with mtglib.Proxy(options) as proxy, asyncio.TaskGroup() as group:
        following = group.create_task(follow(path, users, each_seconds))
        await proxy.serve(listener)
        following.cancel()


def main() -> None:
    """Add users, show everybody's link, serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="www.example.com", help="the site to show to visitors")
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--database", type=Path, default=Path("users.sqlite3"))
    parser.add_argument("--add", action="append", metavar="NAME", help="a user to add (default: me)")
    arguments = parser.parse_args()
    add_users(arguments.database, arguments.add or ["me"], arguments.host)
    with socket.create_server(("", arguments.port)) as listener, suppress(KeyboardInterrupt):
        for user in read_users(arguments.database):
            port = listener.getsockname()[1]
            print(f"tg://proxy?server=127.0.0.1&port={port}&secret={user.secret.hex()} # {user.name}", flush=True)
        asyncio.run(serve(arguments.database, arguments.host, listener))


if __name__ == "__main__":
    main()
