"""The configuration file: from TOML text to a validated, immutable `Config`.

`schema` defines every key with its type and default; `values`, `addresses` and `urls` parse values that TOML has no
type for; `decode` finds all problems at once; `rules` checks several keys together; `load` reads the file. No message
made here contains a secret or the user part of a URL: `redaction` ensures that. This package imports no part of
`mtglib`: `mtg.build` finds out whether a part accepts a value.
"""

from __future__ import annotations

from mtg.config.load import Loaded, config_from_table, load_config
from mtg.config.schema import Config

__all__ = ["Config", "Loaded", "config_from_table", "load_config"]
