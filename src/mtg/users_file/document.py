"""Edits the text of a users-file: comments, order and blank lines stay as they are. Texts in, texts out."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any, TypeAlias

import tomlkit
from tomlkit.container import Container
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from mtg.config.toml import TOMLError, parse_toml

Value: TypeAlias = str | int | bool | date

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class NotEditableError(Exception):
    """The text is written in a way that can't be edited, such as with inline tables."""


def with_user(text: str, name: str, values: Mapping[str, Value]) -> str:
    """Return the text with a new user at its end."""
    expected = parse_toml(text)
    expected.setdefault("users", {})[name] = dict(values)
    heading = name if _BARE_KEY.fullmatch(name) else f'"{name}"'
    lines = [f"[users.{heading}]", *(f"{key} = {tomlkit.item(value).as_string()}" for key, value in values.items())]
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return _checked(text + gap + "\n".join(lines) + "\n", expected)


def with_values(text: str, name: str, values: Mapping[str, Value | None]) -> str:
    """Return the text with some values of a user changed; None: without that key."""
    expected = parse_toml(text)
    expected["users"][name] = _changed(expected["users"][name], values)
    document = _parsed(text)
    table = _user(document, name)
    tail = _cut_tail(table)  # else new keys would come behind the comments on the next user
    for key, value in values.items():
        if value is not None:
            table[key] = value
        elif key in table:
            table.remove(key)
    _body(table).extend(tail)
    return _checked(document.as_string(), expected)


def without_user(text: str, name: str) -> str:
    """Return the text without a user. Comments above the heading stay, and so do those below the last key."""
    expected = parse_toml(text)
    del expected["users"][name]
    if not expected["users"]:
        del expected["users"]
    document = _parsed(text)
    table = _user(document, name)
    tail, mark = _cut_tail(table), secrets.token_hex(16)
    table.value.clear()
    _body(table)[:] = [(None, tomlkit.comment(mark)), *tail]
    lines = document.as_string().splitlines(keepends=True)
    marked = next((index for index, line in enumerate(lines) if mark in line), 0)
    if not marked:
        raise NotEditableError
    return _checked("".join((*lines[: marked - 1], *lines[marked + 1 :])), expected)


def _parsed(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except TOMLKitError:
        raise NotEditableError from None


def _user(document: tomlkit.TOMLDocument, name: str) -> Table:
    users: Any = document["users"]
    table = users[name]
    if not isinstance(table, Table):
        raise NotEditableError
    return table


def _body(table: Table) -> list[tuple[Any, Any]]:
    container: Container = table.value
    return container.body


def _cut_tail(table: Table) -> list[tuple[Any, Any]]:
    """Take away what comes after the table's last key: blank lines and comments, which are about what follows."""
    body = _body(table)
    keys = [index for index, (key, _) in enumerate(body) if key is not None]
    after = keys[-1] + 1 if keys else 0
    tail = body[after:]
    del body[after:]
    return tail


def _changed(table: Mapping[str, Any], values: Mapping[str, Value | None]) -> dict[str, Any]:
    return {key: value for key, value in {**table, **values}.items() if value is not None}


def _checked(text: str, expected: Mapping[str, Any]) -> str:
    """Return the text if it says what it should, and nothing else."""
    try:
        found = parse_toml(text)
    except TOMLError:
        raise NotEditableError from None
    if not found.get("users") and "users" not in expected:
        found.pop("users", None)
    if found != expected:
        raise NotEditableError
    return text
