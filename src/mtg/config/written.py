"""The value of a key as written in the configuration, and how much of it a message may show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mtg.config.redaction import shown
from mtg.config.schema import Config, Section
from mtg.config.urls import PrivateURL

_NAME = re.compile(r'"([^"]*)"|([^.]+)')
_ELEMENT = re.compile(r"(.+)\[([0-9]+)\]")


def given(table: Mapping[str, Any], key: str) -> object:
    """Return the value of a dotted key, such as `network.proxies[0]`; None if the table doesn't have it."""
    found: Any = table
    for quoted, bare in _NAME.findall(key):
        name = quoted or bare
        element = _ELEMENT.fullmatch(name)
        found = found.get(element[1] if element else name) if isinstance(found, Mapping) else None
        if element:
            found = found[int(element[2])] if isinstance(found, list) else None
    return found


def got(config: Config, table: Mapping[str, Any], key: str) -> str:
    """Return `, got VALUE` for a message about a key; empty if it wasn't given or may contain a password."""
    value = given(table, key)
    return "" if value is None or _is_private(config, key, str(value)) else f", got {shown(value)}"


def _is_private(config: Config, key: str, written: str) -> bool:
    found: Any = config
    for name in key.partition("[")[0].split("."):
        found = getattr(found, name.replace("-", "_"), None) if isinstance(found, Section) else found
    values = found if isinstance(found, tuple) else (found,)
    return any(isinstance(value, PrivateURL) and not value.may_be_shown(written) for value in values)
