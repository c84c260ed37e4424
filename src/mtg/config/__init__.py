"""The configuration file: from TOML text to a validated, immutable `Config`.

`schema` names every key with its type and default, `values`, `addresses` and `urls` parse what TOML has no
type for, `decode` finds everything that is wrong at once, `rules` holds what concerns several keys, `load`
reads the file. No message made here contains a secret or the user part of a URL: `redaction` sees to that.
No part of `mtglib` is known here: whether one can work with a value is found out by `mtg.build`.
"""

from __future__ import annotations

from mtg.config.load import Loaded, config_from_table, load_config
from mtg.config.schema import Config

__all__ = ["Config", "Loaded", "config_from_table", "load_config"]
