"""What a running proxy answered, for people: one module for each kind of answer, which returns something to print.

The answers are JSON objects as docs/control.md describes them. `units` writes sizes and times, `cells` makes tables.
"""

from __future__ import annotations
