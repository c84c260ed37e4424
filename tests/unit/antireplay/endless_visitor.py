"""A process that sees hellos for as long as it lives, and says how many of them are on the disk."""

from __future__ import annotations

import sys
from pathlib import Path

from mtglib.antireplay.journal import Journal
from mtglib.antireplay.memory import ReplayMemory


def hello(number: int) -> bytes:
    """One of as many as are wanted."""
    return b"%028d" % number


def main() -> None:
    """See a few hellos and many in turns, so that it is nearly always writing."""
    journal = Journal(Path(sys.argv[1]), 8, 125_000, lambda: 1000.0)
    memory = journal.load(lambda key: ReplayMemory(key, 1_000_000))
    while True:
        for many in (1, 20_000):
            for number in range(memory.added, memory.added + many):
                memory.seen(hello(number), 1000)
            journal.write(memory)
            print(memory.added, flush=True)


if __name__ == "__main__":
    main()
