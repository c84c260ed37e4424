"""The command line: which fronts, relays and probes, and how often."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console

from support.netns import ENTER
from tools.probes.bench import bench
from tools.probes.catalogue import KINDS, OVER_LOOPBACK, WAITING, probes
from tools.probes.finding import Finding
from tools.probes.judge import SLACK_SECONDS
from tools.probes.options import add_sites_and_relays, delays_ms, positive
from tools.probes.report import print_finding, print_table, write_json
from tools.probes.sites import FRONTS
from tools.probes.wire import Wire, lay_wire, wire_is_missing

_DEFAULT_TRIES = 50
_DEFAULT_DELAYS_MS = (0.0, 5.0)
_IN_NAMESPACE = "MTG_PROBES_IN_NAMESPACE"
_TITLES_AT_ONCE = 3
"""Most tries only wait for the site's time-outs, so another probe can start meanwhile."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Probe and report; 1 if the proxy can be told from the site, or if CI=true and a front is missing."""
    options = _parser().parse_args(arguments)
    if not probes(options.probes):
        print(f"no probe {','.join(options.probes)}; kinds are {', '.join(KINDS)}", file=sys.stderr)
        return 2
    missing_wire = wire_is_missing() if any(options.delays_ms) else None
    if any(options.delays_ms) and missing_wire is None:
        _enter_namespace(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as with Ctrl-C, all child processes are ended
    progress = Console(stderr=True, highlight=False)
    findings: dict[str, list[Finding]] = {}
    is_skipped = missing_wire is not None
    if missing_wire:
        progress.print(f"nothing is tried over a wire, as {missing_wire}")
    start_mono, overflows = time.monotonic(), time_wait_overflows()
    for front in options.fronts:
        if reason := FRONTS[front][1]():
            is_skipped = True
            progress.print(f"{front}: skipped, as {reason}")
            continue
        for delay_ms in [0.0] if missing_wire else options.delays_ms:
            name = f"{front} {delay_ms:g} ms away" if delay_ms else front
            progress.print(f"[bold]{name}[/bold]")
            with lay_wire(delay_ms / 1000) if delay_ms else nullcontext() as wire:
                run = _run(front, options, lambda finding: print_finding(progress, finding), wire)
                findings[name] = asyncio.run(run)
    output = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    for front, found in findings.items():
        print_table(output, front, found)
    everything = [finding for found in findings.values() for finding in found]
    different = sum(bool(finding.differences) for finding in everything)
    late = sum(bool(finding.lateness) for finding in everything)
    output.print(
        f"{len(everything)} comparisons in {time.monotonic() - start_mono:.0f} s: "
        f"{different} differ in bytes or ending, {late} in times only"
    )
    if lost := time_wait_overflows() - overflows:
        output.print(f"the kernel's table of TIME_WAIT was full {lost} times: some RSTs behind FINs come from that")
    if options.json:
        write_json(options.json, findings)
    return int(bool(different or late) or (is_skipped and os.environ.get("CI") == "true"))


def time_wait_overflows() -> int:
    """Return how many connections the kernel has forgotten too early since its start; 0 if it doesn't say."""
    lines = [line.split() for line in Path("/proc/net/netstat").read_text().splitlines()]
    numbers = dict(zip(lines[0], lines[1], strict=True)) if len(lines) > 1 else {}
    return int(numbers.get("TCPTimeWaitOverflow", 0))


def _enter_namespace(arguments: Sequence[str]) -> None:
    """Start again in a network namespace of our own, unless this is one."""
    if _IN_NAMESPACE not in os.environ:
        command = [*ENTER, sys.executable, "-m", "tools.probes", *arguments]
        os.execvpe(command[0], command, os.environ | {_IN_NAMESPACE: "1"})  # noqa: S606 - there is none to start


async def _run(
    front: str, options: argparse.Namespace, report: Callable[[Finding], None], wire: Wire | None
) -> list[Finding]:
    slack_seconds = options.slack_ms / 1000
    chosen = [probe for probe in probes(options.probes) if wire is None or probe.kind not in OVER_LOOPBACK]
    waiting = [probe for probe in chosen if probe.kind in WAITING]
    others = [probe for probe in chosen if probe.kind not in WAITING]
    async with bench(front, options.relays, tries=options.tries, slack_seconds=slack_seconds, wire=wire) as runner:
        findings = await asyncio.gather(
            runner.run(others, report, titles_at_once=_TITLES_AT_ONCE),
            runner.run(waiting, report, titles_at_once=len(waiting) or 1),
        )
    return [finding for found in findings for finding in found]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.probes", description="Probe the proxy and the site behind it, and compare."
    )
    add_sites_and_relays(parser, FRONTS)
    parser.add_argument(
        "--probes",
        type=lambda text: text.split(","),
        default=list(KINDS),
        metavar="NAME,...",
        help=f"kinds, names or beginnings of names; default: all kinds: {','.join(KINDS)}",
    )
    parser.add_argument(
        "--tries", type=positive, default=_DEFAULT_TRIES, help=f"of each probe (default: {_DEFAULT_TRIES})"
    )
    parser.add_argument(
        "--slack-ms",
        type=float,
        default=SLACK_SECONDS * 1000,
        help="how far medians of times may be apart in any case; a busy machine needs more (default: %(default)s)",
    )
    parser.add_argument(
        "--delays-ms",
        type=delays_ms,
        default=_DEFAULT_DELAYS_MS,
        metavar="MS,...",
        help="how far away the prober is: 0 is loopback, more a wire that delays each packet (default: 0,5)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything to a file as well")
    return parser
