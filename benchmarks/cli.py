"""The command line: which rows, how many runs, where the results go."""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from benchmarks.facts import machine_facts
from benchmarks.folder import bench_folder
from benchmarks.isolation import enter_namespace
from benchmarks.parts import PARTS, Line
from benchmarks.peers.errors import MEASURING_ERRORS
from benchmarks.profiler import Profiler
from benchmarks.report import print_lines, print_others, print_table, write_json
from benchmarks.rows import DEFAULT_ROWS, EXTRA_ROWS, ROWS, Row
from benchmarks.rows.row import Load
from benchmarks.runner import Runner
from benchmarks.sizes import FULL, QUICK
from benchmarks.subjects.haproxy import SPLICING, haproxy_version
from benchmarks.subjects.others import OTHERS, programs, variable
from benchmarks.subjects.ours import DEFAULT_COMMAND

# The table has the same width on a narrow terminal and in a file, to be compared with tables of other runs.
_TABLE_COLUMNS = 124
RESULTS = Path(__file__).parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report; 1 if something couldn't be measured or a part missed its target."""
    options = _parser().parse_args(arguments)
    if options.rows is None and options.parts is None:
        options.rows, options.parts = DEFAULT_ROWS, tuple(PARTS)
    options.rows, options.parts = options.rows or (), options.parts or ()
    others = programs() if options.others else {}
    if others:
        enter_namespace(sys.argv[1:] if arguments is None else arguments)
    progress = Console(stderr=True, highlight=False)
    _raise_descriptor_limit()
    with ExitStack() as stack:
        load = stack.enter_context(Load())
        runner = Runner(
            load=load,
            folder=stack.enter_context(bench_folder()),
            sizes=QUICK if options.quick else FULL,
            runs=options.runs or (1 if options.quick else 5),
            command=options.proxy_command,
            splicing=options.haproxy if haproxy_version() else (),
            others=others,
            say=partial(progress.print, soft_wrap=True),
            profiler=Profiler(RESULTS) if options.profile else None,
        )
        facts = machine_facts(options.proxy_command) | others
        results = [runner.measure(row) for row in options.rows]
    lines: list[Line] = []
    failed_parts = [part for part in options.parts if not _is_measured(part, options.quick, lines, progress)]
    if results:
        print_table(Console(width=_TABLE_COLUMNS), results, facts)
    if results and others:
        print_others(Console(width=_TABLE_COLUMNS), results, list(others))
    if lines:
        print_lines(Console(width=_TABLE_COLUMNS), lines, facts)
    write_json(
        options.json,
        results,
        lines,
        facts,
        {"quick": options.quick, "runs": runner.runs, "haproxy": runner.splicing},
    )
    progress.print(f"results: {options.json}")
    is_missed = any(line.passed is False for line in lines) and not options.quick
    return int(is_missed or bool(failed_parts) or any(result.error for result in results))


def _is_measured(part: str, quick: bool, lines: list[Line], progress: Console) -> bool:
    """Add a part's lines; return whether all of them could be measured."""
    progress.print(f"[bold]{part}[/bold]")
    try:
        lines += PARTS[part](quick)
    except MEASURING_ERRORS as error:
        progress.print(f"  [red]failed[/red]: {escape(f'{type(error).__name__}: {error}')}", soft_wrap=True)
        return False
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure what the proxy costs, beside haproxy as a plain TCP relay."
    )
    parser.add_argument(
        "--rows",
        type=_rows,
        metavar="KEY,...",
        help=f"default: {_keys(DEFAULT_ROWS)}; more: {_keys(EXTRA_ROWS)}",
    )
    parser.add_argument(
        "--parts",
        type=_parts,
        metavar="KEY,...",
        help=f"default: {','.join(PARTS)}, or none if there are --rows",
    )
    parser.add_argument("--runs", type=_positive, help="how often each proxy is measured (default: 5; quick: 1)")
    parser.add_argument(
        "--haproxy",
        type=_splicing,
        default=tuple(SPLICING),
        metavar="VARIANT,...",
        help=f"haproxy's splicing; the cheapest counts (default: {','.join(SPLICING)})",
    )
    parser.add_argument("--quick", action="store_true", help="small loads: shows that it works, not what it costs")
    parser.add_argument(
        "--json",
        type=Path,
        default=RESULTS / "latest.json",
        metavar="FILE",
        help=f"default: {RESULTS.name}/latest.json of this folder",
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help=f"one more run of each row under perf, reported in {RESULTS.name}/",
    )
    parser.add_argument(
        "--proxy-command",
        default=DEFAULT_COMMAND,
        metavar="COMMAND",
        help="the proxy to measure; a config file's path is appended (default: mtg of this Python)",
    )
    parser.add_argument(
        "--others",
        action="store_true",
        help=f"measure other proxies, too: those whose programs `make bench-others` has installed or "
        f"{', '.join(map(variable, OTHERS))} names; needs root, and runs in a network namespace",
    )
    return parser


def _keys(rows: Sequence[Row]) -> str:
    return ",".join(row.key for row in rows)


def _rows(text: str) -> tuple[Row, ...]:
    unknown = [key for key in text.split(",") if key not in ROWS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no row {unknown[0]!r}; there are {', '.join(ROWS)}")
    return tuple(ROWS[key] for key in text.split(","))


def _parts(text: str) -> tuple[str, ...]:
    unknown = [key for key in text.split(",") if key not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    return tuple(text.split(","))


def _splicing(text: str) -> tuple[str, ...]:
    unknown = [name for name in text.split(",") if name not in SPLICING]
    if unknown:
        raise argparse.ArgumentTypeError(f"no variant {unknown[0]!r}; there are {', '.join(SPLICING)}")
    return tuple(text.split(","))


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected a positive integer")
    return number


def _raise_descriptor_limit() -> None:
    """Proxies, DCs and clients inherit it; 4000 connections cost a proxy 8000 descriptors."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    needed = 2 * FULL.clients * FULL.idle + 256
    if hard < needed:
        print(f"the limit of open files is {hard}; the idle connections need {needed}", file=sys.stderr)
