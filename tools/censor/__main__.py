"""``python -m tools.censor``: see docs/censor.md."""

from __future__ import annotations

import sys

from tools.censor.cli import main

sys.exit(main())
