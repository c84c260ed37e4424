"""What `/v1/users` and the requests below it answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from mtg.reports.cells import BAD, DIM, Justify, cell, facts, table
from mtg.reports.units import ago, duration, moment, size

_COLUMNS: tuple[tuple[str, Justify], ...] = (
    ("NAME", "left"),
    ("STATE", "left"),
    ("CONNECTIONS", "right"),
    ("UP", "right"),
    ("DOWN", "right"),
    ("QUOTA", "right"),
    ("EXPIRES", "left"),
    ("LAST SEEN", "left"),
)
_PERIODS = {"total": "in all", "day": "a day", "month": "a month"}


def users_report(answer: dict[str, Any]) -> Table | Text:
    """Return all users, a line each."""
    if not answer["users"]:
        return cell("no users yet (mtg users add NAME)")
    return table(_COLUMNS, map(_row, answer["users"]))


def user_report(user: dict[str, Any]) -> Table:
    """Return a user, a fact a line."""
    return facts(_facts(user))


def changed_report(what: str, user: dict[str, Any]) -> Group:
    """Return what was done to a user, and how the user is now."""
    return Group(cell(f"{user['name']}: {what}", "bold"), user_report(user))


def _row(user: dict[str, Any]) -> tuple[Text, ...]:
    return (
        cell(user["name"]),
        _state(user),
        _count(user["connections"], user["max_connections"]),
        cell(size(user["from_client_bytes"])),
        cell(size(user["to_client_bytes"])),
        cell("-", DIM) if user["quota_bytes"] is None else _quota(user),
        cell("never" if user["expires_unix"] is None else _until(user["expires_unix"]), DIM),
        cell(ago(user["last_seen_unix"])),
    )


def _facts(user: dict[str, Any]) -> Iterator[tuple[str, Text]]:
    yield "name", cell(user["name"])
    yield "state", _state(user)
    yield "site", cell(user["host"])
    yield "kept in", cell(user["source"] + (" (only there it can be changed)" if user["is_read_only"] else ""))
    yield "connections", _count(user["connections"], user["max_connections"])
    yield "networks", _count(user["networks"], user["max_networks"])
    yield "connections so far", cell(user["streams"])
    yield "traffic", cell(f"{size(user['from_client_bytes'])} up, {size(user['to_client_bytes'])} down")
    yield "quota", cell("none") if user["quota_bytes"] is None else _quota(user, _PERIODS[user["quota_period"]])
    expires = user["expires_unix"]
    yield "expires", cell("never" if expires is None else f"{moment(expires)} ({_until(expires)})")
    yield "last seen", cell(ago(user["last_seen_unix"]))


def _state(user: dict[str, Any]) -> Text:
    if not user["enabled"]:
        return cell("disabled", BAD)
    if user["expires_unix"] is not None and user["expires_unix"] <= time.time():
        return cell("expired", BAD)
    if user["quota_bytes"] is not None and user["period_bytes"] >= user["quota_bytes"]:
        return cell("over quota", BAD)
    return cell("enabled")


def _count(now: int, most: int | None) -> Text:
    return cell(now) if most is None else cell(f"{now} of {most}", BAD if now >= most else "")


def _quota(user: dict[str, Any], period: str = "") -> Text:
    used, quota = user["period_bytes"], user["quota_bytes"]
    return cell(f"{size(used)} of {size(quota)} {period}".rstrip(), BAD if used >= quota else "")


def _until(unix: float) -> str:
    left = unix - time.time()
    return f"in {duration(left)}" if left > 0 else ago(unix)


def removed_report(answer: dict[str, Any]) -> Text:
    """Return which user was removed."""
    return cell(f"{answer['name']}: removed")


def links_report(answer: dict[str, Any]) -> Group:
    """Return the links of a user, a line each."""
    return Group(*(cell(link[kind]) for link in answer["links"] for kind in ("tg_url", "tme_url")))
