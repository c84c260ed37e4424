"""Does the proxy look like the site behind it? Probes ask both, and a judge compares: see docs/probes.md.

The prober shares no code with the proxy: it uses sockets, and the tests' own client and sites.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
