"""What SQLite is told, so that a power cut costs nothing that was written."""

from __future__ import annotations

from pathlib import Path

from mtglib.users.usage_database import UsageDatabase


def test_each_write_waits_for_the_disk(tmp_path: Path) -> None:
    connection = UsageDatabase(tmp_path / "usage" / "usage.sqlite3")._connection
    settings = [connection.execute(f"PRAGMA {name}").fetchone() for name in ("journal_mode", "synchronous")]
    connection.close()
    assert settings == [("wal",), (2,)], "FULL: https://sqlite.org/pragma.html#pragma_synchronous"
