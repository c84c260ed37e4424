"""`mtg top`: a running proxy, drawn anew every few seconds, with keys.

`snapshot` asks the proxy, `picture` computes rates of two answers, `endings` follows why connections end. `view` knows
what the user wants to see, and takes keys; `screen` makes lines of both. `terminal` has the terminal, and `run` brings
them together.
"""

from __future__ import annotations
