"""The results for people (a table) and for programs (JSON)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.parts import Line
from benchmarks.runner import Result
from benchmarks.subjects.haproxy import SPLICING

_TITLE = "What the proxy process costs, compared with haproxy as a plain TCP relay with splicing off, auto and on"
_LEGEND = (
    "ratio: ours divided by the cheapest haproxy's, within each run; copying: by the cheaper of off and auto, which "
    "copy every byte, as a proxy that encrypts has to; all values are medians over the runs"
)

_VERDICTS = {None: "", True: "[green]pass[/green]", False: "[red]miss[/red]"}


def print_table(console: Console, results: Sequence[Result], facts: Mapping[str, object]) -> None:
    """Print a line for each row, and the facts about the machine."""
    table = Table(title=_TITLE, title_justify="left", caption=_LEGEND, caption_justify="left")
    table.add_column("row", no_wrap=True)
    for heading in (*SPLICING, "ours", "ratio", "copying", "target"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for result in results:
        table.add_row(*_cells(result))
    console.print(table)
    _print_facts(console, facts)


def print_others(console: Console, results: Sequence[Result], names: Sequence[str]) -> None:
    """The same rows through other proxies, beside ours."""
    table = Table(title="Other proxies, and their ratios to haproxy that copies", title_justify="left")
    table.add_column("row", no_wrap=True)
    for heading in ("ours", *names):
        table.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        costs = [(result.ours, result.ratio_to_copying), *map(result.other, names)]
        cells = (
            ["[red]failed[/red]"] if result.error else [f"{_number(cost)} ({_number(ratio)})" for cost, ratio in costs]
        )
        table.add_row(f"{result.row.title}, {result.row.unit}", *cells)
    console.print(table)


def print_lines(console: Console, lines: Sequence[Line], facts: Mapping[str, object]) -> None:
    """Print what the parts cost, a line for each number."""
    table = Table(title="What the parts cost", title_justify="left")
    table.add_column("what", no_wrap=True)
    for heading in ("value", "target"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for line in lines:
        target = "" if line.target is None else f"<= {line.target:g} {line.unit}"
        table.add_row(line.what, f"{_number(line.value)} {line.unit}", target, _VERDICTS[line.passed])
    console.print(table)
    _print_facts(console, facts)


def write_json(
    path: Path,
    results: Sequence[Result],
    lines: Sequence[Line],
    facts: Mapping[str, object],
    options: Mapping[str, object],
) -> None:
    """Write everything that was measured, including each run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": facts,
        "options": options,
        "rows": [_as_json(result) for result in results],
        "parts": [{**asdict(line), "passed": line.passed} for line in lines],
    }
    path.write_text(json.dumps(content, indent=2) + "\n")


def _print_facts(console: Console, facts: Mapping[str, object]) -> None:
    console.print(" · ".join(f"{name} {value}" for name, value in facts.items()), highlight=False, soft_wrap=True)


def _cells(result: Result) -> list[str]:
    row = result.row
    name = f"{row.title}, {row.unit}"
    if result.error:
        return [name, *[""] * (len(SPLICING) + 4), "[red]failed[/red]"]
    return [
        name,
        *(_number(result.haproxy_variant(splicing)) for splicing in SPLICING),
        _number(result.ours),
        _number(result.ratio),
        _number(result.ratio_to_copying),
        "" if row.target is None else f"<= {row.target:g}" + ("x" if row.target_kind == "ratio" else f" {row.unit}"),
        _VERDICTS[result.passed],
    ]


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _as_json(result: Result) -> dict[str, object]:
    return {
        "key": result.row.key,
        "title": result.row.title,
        "unit": result.row.unit,
        "haproxy": result.haproxy,
        "ours": result.ours,
        "ratio": result.ratio,
        "ratio_to_copying": result.ratio_to_copying,
        "target": result.row.target,
        "target_kind": result.row.target_kind,
        "passed": result.passed,
        "error": result.error,
        "runs": [{name: measured._asdict() for name, measured in run.items()} for run in result.runs],
    }
