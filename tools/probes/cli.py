"""The command line: which fronts, relays and probes, and how often."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tools.probes.bench import run_front
from tools.probes.catalogue import KINDS, probes
from tools.probes.report import print_finding, print_table, write_json
from tools.probes.runner import Finding
from tools.probes.sites import FRONTS, RELAYS

_DEFAULT_TRIES = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Probe and report; 1 if the proxy could be told from the site, or if CI=true and a front is missing."""
    options = _parser().parse_args(arguments)
    chosen = probes(options.probes)
    if not chosen:
        print(f"no probe {','.join(options.probes)}; kinds are {', '.join(KINDS)}", file=sys.stderr)
        return 2
    progress = Console(stderr=True, highlight=False)
    findings: dict[str, list[Finding]] = {}
    is_skipped = False
    start_mono = time.monotonic()
    for front in options.fronts:
        if reason := FRONTS[front][1]():
            is_skipped = True
            progress.print(f"{front}: skipped, as {reason}")
            continue
        progress.print(f"[bold]{front}[/bold]")
        findings[front] = asyncio.run(
            run_front(
                front, options.relays, chosen, options.tries, lambda finding: print_finding(progress, finding)
            )
        )
    output = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    for front, found in findings.items():
        print_table(output, front, found)
    different = sum(bool(finding.differences) for found in findings.values() for finding in found)
    made = sum(len(finding.proxy_samples) for found in findings.values() for finding in found)
    output.print(f"{made} tries in {time.monotonic() - start_mono:.0f} s: {different or 'no'} differences")
    if options.json:
        write_json(options.json, findings)
    return int(bool(different) or (is_skipped and os.environ.get("CI") == "true"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.probes", description="Probe the proxy and the site behind it, and compare."
    )
    parser.add_argument("--fronts", type=_list_of(FRONTS), default=list(FRONTS), help=f"default: {','.join(FRONTS)}")
    parser.add_argument("--relays", type=_list_of(RELAYS), default=list(RELAYS), help=f"default: {','.join(RELAYS)}")
    parser.add_argument(
        "--probes",
        type=lambda text: text.split(","),
        default=list(KINDS),
        metavar="NAME,...",
        help=f"kinds, names or beginnings of names; default: all kinds: {','.join(KINDS)}",
    )
    parser.add_argument("--tries", type=_positive, default=_DEFAULT_TRIES, help=f"of each probe (default: {_DEFAULT_TRIES})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything to a file as well")
    return parser


def _list_of(known: Sequence[str] | dict[str, object]) -> object:
    def parse(text: str) -> list[str]:
        if unknown := [word for word in text.split(",") if word not in known]:
            raise argparse.ArgumentTypeError(f"no {unknown[0]!r}; there are {', '.join(known)}")
        return text.split(",")

    return parse


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("expected a positive integer")
    return number
