"""``python -m tools.probes``: see docs/probes.md."""

from __future__ import annotations

import sys

from tools.probes.cli import main

sys.exit(main())
