"""Does the proxy look like the site behind it? Probes that ask both, and a judge who compares: see docs/probes.md.

The prober shares no code with the proxy: it is made of sockets, and of the tests' own client and sites.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
