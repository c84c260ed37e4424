"""``python -m benchmarks``: see README.md."""

from __future__ import annotations

import sys

if __name__ == "__main__":  # the load's processes import this module, too
    from benchmarks.cli import main

    sys.exit(main())
