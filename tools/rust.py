"""Checks and tests of the engine with plain cargo: `python -m tools.rust check`, `test`, `fuzz` or `format`.

If something is missing, the rest is done and a line says what wasn't; with CI=true that is a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools.toolchain import engine_problem

RUST = Path(__file__).parent.parent / "rust"
WARNINGS = ("--", "-D", "warnings")

STEPS: dict[str, tuple[tuple[str, ...], ...]] = {
    "check": (
        ("fmt", "--check"),
        ("clippy", "--locked", "--all-targets", *WARNINGS),
        ("clippy", "--locked", "--all-targets", "--features", "python", *WARNINGS),
    ),
    "test": (("test", "--locked"),),
    "fuzz": (("test", "--locked", "--release", "--lib", "random_tests"),),  # MTG_FUZZ_EXAMPLES scripts
    "format": (("fmt",),),
}


def main() -> int:
    """Run the steps of the given command."""
    what = sys.argv[1]
    if problem := engine_problem():
        return skipped(f"cargo {what}: skipped, as {problem}")
    for step in STEPS[what]:
        if step[0] in ("fmt", "clippy") and not runs("cargo", step[0], "--version"):
            if failed := skipped(f"cargo {step[0]}: skipped, as it is missing: rustup component add rustfmt clippy"):
                return failed
            continue
        print("cargo", *step, flush=True)
        if code := subprocess.run(["cargo", *step], cwd=RUST, check=False).returncode:
            return code
    return 0


def skipped(line: str) -> int:
    """Say what wasn't done; return the exit code."""
    print(line, flush=True)
    return int(os.environ.get("CI") == "true")


def runs(*command: str) -> bool:
    """Return whether a command succeeds."""
    return subprocess.run(command, cwd=RUST, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
