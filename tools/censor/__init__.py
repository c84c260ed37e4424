"""Does a client's connection look like one to the site itself? A passive censor's view of both: see docs/censor.md.

It is made of the parts of `tools.probes`, and shares no code with the proxy.
"""

from __future__ import annotations

import tools.probes  # noqa: F401 - makes the tests' own client and sites importable
