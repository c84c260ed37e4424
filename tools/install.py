"""Installs this project into the virtual environment of the Python that runs this, and shows its progress.

`run`: the program and what it needs, with the native engine if it can be built. `dev`: what tests and checks need.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from tools.toolchain import engine_problem

ROOT = Path(__file__).parent.parent

NATIVE_PLAN = "engine: native; the first build takes one to two minutes"
PURE_PLAN = (
    "engine: pure Python ({problem}). It needs two to three and a half times the CPU time for each byte and four times "
    "the memory for an idle connection, and uses one core. For the native engine, install what is missing and repeat."
)
NATIVE_BROKEN = "the native engine was not built, though cargo and cc are there; the whole story is in {log}"

_STEPS = re.compile(r"\s*(Collecting|Compiling) (\S+)")
_WORDS = {"Collecting": "fetching", "Compiling": "compiling"}


def main() -> int:
    """Install; the exit code is pip's, or 1 in CI if the engine wasn't built although it could be."""
    parser = argparse.ArgumentParser(prog="python -m tools.install")
    parser.add_argument("what", choices=("run", "dev"))
    parser.add_argument("--log", type=Path, required=True, help="gets all that pip and cargo say")
    options = parser.parse_args()
    if options.what == "dev":
        say("installing what the tests need")
        return pip_install(dev_requirements(), options.log)
    problem = engine_problem()
    say("installing mtg")
    say(NATIVE_PLAN if problem is None else PURE_PLAN.format(problem=problem))
    failed = pip_install(["--editable", str(ROOT)], options.log)
    if failed:
        return failed
    say(f"installed: {version()}")
    if problem is None and "engine native" not in version():
        say(NATIVE_BROKEN.format(log=options.log))
        print("".join(errors_in(options.log)), end="", file=sys.stderr)
        return int(os.environ.get("CI") == "true")
    return 0


def say(text: str) -> None:
    """Print immediately, even into a pipe."""
    print(text, flush=True)


def dev_requirements() -> list[str]:
    """Return the extra `dev` of pyproject.toml, so that installing it doesn't build the project again."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return list(project["optional-dependencies"]["dev"])


def version() -> str:
    """Return what the installed program says about itself."""
    command = [sys.executable, "-m", "mtg", "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def pip_install(arguments: Sequence[str], log: Path) -> int:
    """Run `pip install`, show its steps as they come, and keep everything in `log`; return its exit code."""
    command = [sys.executable, "-m", "pip", "install", "--verbose", "--progress-bar", "off", *arguments]
    shown: set[str] = set()
    with (
        log.open("w") as file,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            step = _STEPS.match(line)
            if step and step[0] not in shown:
                shown.add(step[0])
                say(f"  {_WORDS[step[1]]} {re.split('[<>=~!(;]', step[2])[0]}")
    if process.returncode:
        print("".join(log.read_text().splitlines(keepends=True)[-40:]), file=sys.stderr)
        say(f"pip has failed; all it said is in {log}")
    return process.returncode


def errors_in(log: Path) -> list[str]:
    """Return the lines from the compiler's first error on, at most 40."""
    lines = log.read_text().splitlines(keepends=True)
    first = next((index for index, line in enumerate(lines) if line.lstrip().startswith("error")), len(lines))
    return lines[first : first + 40]


if __name__ == "__main__":
    sys.exit(main())
