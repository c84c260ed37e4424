"""The command line: which sites, certificates, hellos and relays, and how often."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tools.censor.bench import Ahead, bench
from tools.censor.comparison import Comparison
from tools.censor.downloads import Downloads
from tools.censor.observation import SHAPES
from tools.censor.report import print_comparison, print_comparisons, print_downloads
from tools.censor.sites import FRONTS, KEYS
from tools.probes.options import add_sites_and_relays, list_of, positive
from tools.probes.report import write_json
from tools.probes.sites import USUAL_LOADS

_DEFAULT_TRIES = 200
_DEFAULT_DOWNLOADS = 100
_LOAD_SECONDS = 2.5
"""How long a proxy takes to load its site's file once, with a pause: some sites never send it twice alike."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and report; 1 if the proxy could be told from the site, or if CI=true and a front is missing."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended, as with Ctrl-C
    progress = Console(stderr=True, highlight=False)
    comparisons: dict[str, list[Comparison]] = {}
    downloads: dict[str, list[Downloads]] = {}
    is_skipped = False
    start_mono = time.monotonic()
    for front in options.fronts:
        if reason := FRONTS[front][1]():
            is_skipped = True
            progress.print(f"{front}: skipped, as {reason}")
            continue
        progress.print(f"[bold]{front}[/bold]")
        comparisons[front], downloads[front] = asyncio.run(_run(front, options, progress))
    output = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    for front, found in comparisons.items():
        print_comparisons(output, front, found)
        if downloads[front]:
            print_downloads(output, front, downloads[front])
    everything = [one for found in comparisons.values() for one in found]
    different = sum(bool(one.differences) for one in everything)
    output.print(f"{len(everything)} comparisons in {time.monotonic() - start_mono:.0f} s: {different} differ")
    if options.json:
        write_json(options.json, {front: [*comparisons[front], *downloads[front]] for front in comparisons})
    return int(bool(different) or (is_skipped and os.environ.get("CI") == "true"))


async def _run(front: str, options: argparse.Namespace, progress: Console) -> tuple[list[Comparison], list[Downloads]]:
    comparisons: list[Comparison] = []
    downloads: list[Downloads] = []
    for key in options.keys:
        ahead = None if options.learnt is None else Ahead(options.shapes, options.learnt)
        async with bench(
            front, key, options.relays, learns=options.learning, page_loads=options.loads, ahead=ahead
        ) as here:
            for shape in options.shapes:
                comparisons += await here.compare(shape, options.tries, lambda one: print_comparison(progress, one))
            patience_seconds = options.loads * _LOAD_SECONDS if options.learning else 0.0
            if not options.downloads:
                continue
            downloads += await here.download(options.downloads, patience_seconds=patience_seconds)
    return comparisons, downloads


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.censor",
        description="Compare clients' connections with those to the site behind the proxy, as a passive censor would.",
    )
    add_sites_and_relays(parser, FRONTS)
    parser.add_argument("--keys", type=list_of(KEYS), default=list(KEYS), help=f"default: {','.join(KEYS)}")
    parser.add_argument("--shapes", type=list_of(SHAPES), default=list(SHAPES), help=f"default: {','.join(SHAPES)}")
    parser.add_argument(
        "--tries", type=positive, default=_DEFAULT_TRIES, help="hellos of each shape (default: %(default)s)"
    )
    parser.add_argument(
        "--downloads", type=_none_or_more, default=_DEFAULT_DOWNLOADS, help="of each kind (default: %(default)s)"
    )
    parser.add_argument(
        "--loads", type=positive, default=USUAL_LOADS, help="of each page by a proxy (default: %(default)s)"
    )
    parser.add_argument(
        "--learning",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether the proxies learn from the site (default: yes)",
    )
    parser.add_argument(
        "--learnt",
        type=positive,
        metavar="COUNT",
        help="how often the site was asked with each shape before; visitors teach nothing then",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything to a file as well")
    return parser


def _none_or_more(text: str) -> int:
    """Take a number of downloads: some choose the feature, the others judge it."""
    if (number := int(text)) < 0 or number == 1:
        raise argparse.ArgumentTypeError("expected 0, or at least 2")
    return number
