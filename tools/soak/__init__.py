"""Rough use for minutes or hours: the program serves clients and probes that leave in every possible way."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))  # the clients are those of the tests
