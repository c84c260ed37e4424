"""``python -m tools.probes``: see docs/probes.md."""

import sys

from tools.probes.cli import main

sys.exit(main())
