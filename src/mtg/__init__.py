"""The program `mtg`: an MTPROTO proxy for Telegram, built on the library `mtglib`.

`mtg.cli` reads the command line, `mtg.config` reads the file, `mtg.build` turns a configuration into the
library's parts, `mtg.app` is the running program and `mtg.run` the process around it. Nothing is imported here, so
that a command only imports what it uses.
"""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
