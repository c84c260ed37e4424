"""`python -m tools.flood`: flood the program in every way, and check who still gets in.

The exit code is 1 if a target is missed: floods that are possible without the secret keep no honest client out, and
after any flood all connections, descriptors and threads come back. For floods with the secret the share is only
printed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence

from tools.flood.case import FILL_A_SECOND, Case, Outcome, run_case
from tools.flood.choice import all_cases, default_cases
from tools.flood.kinds import KINDS
from tools.flood.peers import running_peers
from tools.flood.sockets import raise_file_limit
from tools.flood.table import cells, print_table


def main() -> int:
    """Read the command line, run, report."""
    options = _options()
    cases = [case for case in (all_cases() if options.all else default_cases()) if _is_wanted(case, options)]
    limit = raise_file_limit()
    fitting = [case for case in cases if 2 * case.concurrency + 100 <= limit]
    if len(fitting) < len(cases):
        print(f"left out {len(cases) - len(fitting)}: they need more open files than {limit}", flush=True)
    if not fitting:
        print("nothing was run: there is no such combination", "" if options.all else "(try --all)", file=sys.stderr)
        return 2
    outcomes = asyncio.run(_run(fitting))
    print_table(outcomes)
    missed = sum(not outcome.passed for outcome in outcomes)
    print(f"{missed} of {len(outcomes)} missed" if missed else f"all {len(outcomes)} passed")
    return int(bool(missed))


async def _run(cases: Sequence[Case]) -> list[Outcome]:
    outcomes = []
    start_mono = time.monotonic()
    with running_peers() as peers:
        for number, case in enumerate(cases, 1):
            print(
                f"[{time.monotonic() - start_mono:4.0f} s, {number}/{len(cases)}] {case.kind} from {case.origin}, "
                f"room for {case.concurrency}, {'pure' if case.pure else 'native'}, users {case.users}: "
                f"{case.hold} connections at {FILL_A_SECOND:g}/s, then {case.then_a_second:g}/s",
                flush=True,
            )
            outcome = await run_case(case, peers)
            outcomes.append(outcome)
            print("   ", "  ".join(cells(outcome)[5:]), flush=True)
    return outcomes


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.flood", description="Flood the program; all must get in.")
    parser.add_argument("--all", action="store_true", help="every combination, in place of the usual subset")
    parser.add_argument("--kinds", type=_kinds, help=f"only these: {','.join(KINDS)}")
    parser.add_argument("--from", dest="origins", type=_texts, help="only these: 1,200,unix")
    parser.add_argument("--concurrency", type=_numbers, help="only these: 100,1000,8192")
    parser.add_argument("--relays", type=_texts, help="only these: native,pure")
    return parser.parse_args()


def _is_wanted(case: Case, options: argparse.Namespace) -> bool:
    return (
        (options.kinds is None or case.kind in options.kinds)
        and (options.origins is None or case.origin in options.origins)
        and (options.concurrency is None or case.concurrency in options.concurrency)
        and (options.relays is None or ("pure" if case.pure else "native") in options.relays)
    )


def _texts(text: str) -> list[str]:
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _kinds(text: str) -> list[str]:
    kinds = text.split(",")
    for kind in kinds:
        if kind not in KINDS:
            raise argparse.ArgumentTypeError(f"expected some of {','.join(KINDS)}, got {kind}")
    return kinds


if __name__ == "__main__":
    sys.exit(main())
