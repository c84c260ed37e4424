"""Runs the program for a flood: `python -P inside.py native|pure TASKS_FILE run mtg.toml`.

On SIGRTMIN, it writes to the file how many tasks its event loop has. That can't be seen from outside.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path


def main() -> None:
    """Run it."""
    _, relay, tasks_file, *arguments = sys.argv
    if relay == "pure":
        sys.modules["mtglib._engine"] = None  # type: ignore[assignment]  # as if it wasn't built
    unfinished = Path(f"{tasks_file}.new")

    def count_tasks(*_: object) -> None:
        unfinished.write_text(str(len(asyncio.all_tasks())))
        unfinished.rename(tasks_file)

    signal.signal(signal.SIGRTMIN, count_tasks)
    sys.argv = ["mtg", *arguments]

    from mtg.cli import main as run_program

    run_program()


if __name__ == "__main__":
    main()
