"""Modules as programs, all started at once: most of their time they wait."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

_ROOT = Path(__file__).parents[2]


@contextmanager
def side_by_side(commands: Mapping[str, Sequence[str]]) -> Iterator[Mapping[str, subprocess.Popen[str]]]:
    """Run `python -m COMMAND` for each in the project's folder; what hasn't ended with the context is killed."""
    with ExitStack() as stack:
        programs = {}
        for name, command in commands.items():
            program = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=_ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            programs[name] = stack.enter_context(program)
            stack.callback(program.kill)
        yield programs
