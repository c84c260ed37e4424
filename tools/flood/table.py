"""The results as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tools.flood.case import Outcome
from tools.flood.visits import Visits

_MIB = 1024 * 1024
_COLUMNS = 150


def print_table(outcomes: Sequence[Outcome]) -> None:
    """Print a line for each combination, as wide in a file as on a screen."""
    table = Table(title="Honest clients while the proxy is flooded", title_justify="left")
    table.add_column("flood", no_wrap=True)
    for heading in (
        "from",
        "room",
        "relay",
        "users",
        "held",
        "opened",
        "got in",
        "ms",
        "ms unflooded",
        "MiB",
        "files",
        "back s",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for outcome in outcomes:
        table.add_row(*cells(outcome))
    console = Console(width=_COLUMNS, highlight=False)
    console.print(table)
    console.print(
        "ms: median and worst from connect to first echo, of those who got in. MiB, files: of the proxy before, at the "
        "most, and after.\nback s: until all had come back; behind a plus: until slots of silent clients had."
    )


def cells(outcome: Outcome) -> list[str]:
    """Return the cells of one line."""
    case, start, peak, end = outcome.case, outcome.start, outcome.peak, outcome.end
    back = f"{outcome.back_seconds:.1f}"
    if outcome.slots_seconds is not None:
        back = f"{outcome.slots_seconds:.1f}+{back}"
    return [
        case.kind,
        case.origin,
        str(case.concurrency),
        "pure" if case.pure else "native",
        str(case.users),
        str(outcome.flood.open_now),
        str(outcome.flood.opened),
        f"{outcome.during.came_in}/{len(outcome.during.seconds)}",
        _milliseconds(outcome.during),
        _milliseconds(outcome.before),
        "/".join(f"{counts.rss_bytes / _MIB:.0f}" for counts in (start, peak, end)),
        "/".join(str(counts.files) for counts in (start, peak, end)),
        back,
        "pass" if outcome.passed else f"MISS {', '.join(outcome.left)}".strip(),
    ]


def _milliseconds(visits: Visits) -> str:
    if visits.median_seconds is None or visits.worst_seconds is None:
        return "-"
    return f"{visits.median_seconds * 1000:.0f}/{visits.worst_seconds * 1000:.0f}"
