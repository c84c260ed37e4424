"""Can the native engine be built here? If not, it says what is missing.

`python -m tools.toolchain FILE` writes the answer to FILE, and touches FILE only if the answer has changed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

RUST = Path(__file__).parent.parent / "rust"

GET_RUST = "Rust {version} or newer from https://rustup.rs"
GET_CC = "gcc (Debian: apt-get install gcc libc6-dev)"

_PROBE = b"#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n"


def engine_problem() -> str | None:
    """Return what must be installed before the engine can be built, or None."""
    wanted = needed_rust_version()
    missing = []
    found = cargo_version()
    if found is None:
        missing.append(f"cargo is missing: get {GET_RUST.format(version=wanted)}")
    elif found < _numbers(wanted):
        missing.append(f"cargo is {'.'.join(map(str, found))}: get {GET_RUST.format(version=wanted)}")
    if not c_compiler_works():
        missing.append(f"no working C compiler: get {GET_CC}")
    return "; ".join(missing) or None


def needed_rust_version() -> str:
    """Return the oldest Rust that can build the engine."""
    manifest = tomllib.loads((RUST / "Cargo.toml").read_text())
    return str(manifest["package"]["rust-version"])


def cargo_version() -> tuple[int, ...] | None:
    """Return cargo's version, or None if it is missing or doesn't run."""
    output = _output("cargo", "--version")
    found = re.match(r"cargo (\d+(?:\.\d+)+)", output or "")
    return _numbers(found[1]) if found else None


def c_compiler_works() -> bool:
    """Return whether a C program can be compiled and linked: the engine's ciphers are C, and Rust links with cc."""
    if shutil.which("cc") is None:
        return False
    command = ["cc", "-x", "c", "-", "-o", os.devnull]
    return subprocess.run(command, input=_PROBE, capture_output=True, check=False).returncode == 0


def _output(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def main() -> None:
    """Write the answer if it has changed."""
    file = Path(sys.argv[1])
    answer = (engine_problem() or "complete") + "\n"
    if not file.exists() or file.read_text() != answer:
        file.write_text(answer)


if __name__ == "__main__":
    main()
