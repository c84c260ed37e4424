"""`python -m mtg`: the same as the console script `mtg`."""

from __future__ import annotations

from mtg.cli import main

if __name__ == "__main__":
    main()
