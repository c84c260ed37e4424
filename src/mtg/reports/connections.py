"""What `/v1/connections` answers."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from mtg.reports.cells import DIM, Justify, cell, table
from mtg.reports.units import duration, size

_COLUMNS: tuple[tuple[str, Justify], ...] = (
    ("ID", "left"),
    ("CLIENT", "left"),
    ("USER", "left"),
    ("STATE", "left"),
    ("DC", "right"),
    ("AGE", "right"),
    ("FROM CLIENT", "right"),
    ("TO CLIENT", "right"),
)


def connections_report(answer: dict[str, Any]) -> Table | Text:
    """Return the live connections, a line each."""
    if not answer["connections"]:
        return cell("no connections")
    now_unix = time.time()
    return table(_COLUMNS, (_row(one, now_unix) for one in answer["connections"]))


def ended_report(answer: dict[str, Any]) -> Group:
    """Return which connection was told to end."""
    return Group(cell(f"{answer['id']}: ended"))


def _row(one: dict[str, Any], now_unix: float) -> tuple[Text, ...]:
    return (
        cell(one["id"]),
        cell(one["client"] or "-"),
        cell(one["user"] or "-", "" if one["user"] else DIM),
        cell(one["state"]),
        cell(one["dc"] or "-"),
        cell(duration(now_unix - one["since_unix"])),
        cell(size(one["from_client_bytes"])),
        cell(size(one["to_client_bytes"])),
    )
