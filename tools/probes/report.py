"""Findings for people (lines and a table) and for programs (JSON)."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools.probes.finding import Finding
from tools.probes.judge import Sample

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_MOST_DIFFERENCES = 8
_LONGEST_OUTCOME = 300


def print_finding(console: Console, finding: Finding) -> None:
    """Print a line of progress, and the differences below it."""
    said = f"  {finding.title:24} {finding.proxy:7} {len(finding.proxy_samples):5} tries  {_verdict(finding)}"
    console.print(said, f"[yellow]{finding.lateness}[/yellow]" if finding.lateness else "", soft_wrap=True)
    if not finding.differences:
        return
    for difference in finding.differences[:_MOST_DIFFERENCES]:
        console.print(f"      {escape(difference)}", soft_wrap=True)
    if len(finding.differences) > _MOST_DIFFERENCES:
        console.print(f"      and {len(finding.differences) - _MOST_DIFFERENCES} more")
    for line in finding.told():
        console.print(f"      {escape(line[:_LONGEST_OUTCOME])}", soft_wrap=True)


def print_table(console: Console, front: str, findings: Sequence[Finding]) -> None:
    """Print a line for each probe and proxy."""
    table = Table(title=f"{front}: medians in ms, site and proxy", title_justify="left")
    for heading in ("probe", "proxy", "tries", "endings at the site", "endings at the proxy", "first byte", "end", ""):
        table.add_column(heading, justify="right" if heading in ("tries", "first byte", "end") else "left")
    for finding in findings:
        table.add_row(
            finding.title,
            finding.proxy,
            str(len(finding.proxy_samples)),
            _endings(finding.site_samples),
            _endings(finding.proxy_samples),
            _medians(finding, "first_byte_seconds"),
            _medians(finding, "end_seconds"),
            _verdict(finding),
        )
    console.print(table)


def write_json(path: Path, findings: Mapping[str, Sequence[DataclassInstance]]) -> None:
    """Write every try of every probe."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {front: [asdict(finding) for finding in found] for front, found in findings.items()}
    path.write_text(json.dumps(content, indent=1) + "\n")


def _verdict(finding: Finding) -> str:
    if finding.differences:
        return "[red]differs[/red]"
    return "[yellow]late[/yellow]" if finding.lateness else "[green]same[/green]"


def _endings(samples: Sequence[Sample]) -> str:
    """How often each ending came, without the bytes before it."""
    counts = Counter(sample.ending for sample in samples)
    return ", ".join(f"{count} {ending}" for ending, count in counts.most_common(3))


def _medians(finding: Finding, name: str) -> str:
    return " ".join(_median(samples, name) for samples in (finding.site_samples, finding.proxy_samples))


def _median(samples: Sequence[Sample], name: str) -> str:
    values = [value for sample in samples if (value := getattr(sample, name)) is not None]
    return f"{statistics.median(values) * 1000:.1f}" if values else "-"
