"""Floods of connections to the running program, and what honest clients notice of them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))  # the clients are those of the tests
