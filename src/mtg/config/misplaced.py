"""Finds global keys below the heading of a table of users: TOML makes them a part of that table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

import mtglib
from mtg.config.redaction import shown_key
from mtg.config.schema import Config, UserSection

_GLOBAL_KEYS = frozenset(field.encode_name for field in msgspec.structs.fields(Config))
_USER_KEYS = frozenset(field.encode_name for field in msgspec.structs.fields(UserSection))


def moved_to_the_top(table: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """Return the table with its misplaced keys where they were meant to be, so that nothing else is said of them."""
    top = dict(table)
    if isinstance(secrets := top.get("secrets"), dict):
        top["secrets"] = _without_global_keys(secrets, "secrets", _is_no_secret, top, problems)
    if isinstance(users := top.get("users"), dict):
        top["users"] = {
            name: _without_global_keys(user, f"users.{shown_key(name)}", _is_no_user_key, top, problems)
            if isinstance(user, dict)
            else user
            for name, user in users.items()
        }
    return top


def _without_global_keys(
    table: Mapping[str, Any],
    heading: str,
    is_misplaced: Callable[[str, object], bool],
    top: dict[str, Any],
    problems: list[str],
) -> dict[str, Any]:
    kept = {}
    for key, value in table.items():
        if key in _GLOBAL_KEYS and is_misplaced(key, value):
            top.setdefault(key, value)
            problems.append(
                f"{heading}.{key}: a global key, which ended up in the table [{heading}]: write it above the first "
                "[table] of the file"
            )
        else:
            kept[key] = value
    return kept


def _is_no_user_key(key: str, _: object) -> bool:
    return key not in _USER_KEYS


def _is_no_secret(_: str, value: object) -> bool:
    """In `[secrets]` any key can be a user, whose value is a secret."""
    text: Any = value
    try:
        mtglib.Secret.parse(text)
    except mtglib.MtglibError:
        return True
    return False
