"""Other proxies for Telegram that may be here, and where their programs are."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.subjects import mtprotoproxy
from benchmarks.subjects.mtg import running_mtg
from benchmarks.subjects.mtprotoproxy import running_mtprotoproxy
from benchmarks.subjects.process import ProxyProcess

Start = Callable[[str, bool, Path], AbstractContextManager[ProxyProcess]]
"""Called with the program, whether to use fast mode, and a folder for files."""

OTHERS: dict[str, Start] = {"mtg": running_mtg, "mtprotoproxy": running_mtprotoproxy}

_STAMPS = Path(os.environ.get("STAMPS", Path(__file__).parents[2] / ".stamps"))
INSTALLED = {"mtprotoproxy": _STAMPS / "others" / f"mtprotoproxy-{mtprotoproxy.VERSION}"}
"""Virtual environments of those that ``make bench-others`` installs."""


def variable(name: str) -> str:
    """The environment variable that may hold a program's path."""
    return f"MTG_BENCH_{name.upper()}"


def programs() -> dict[str, str]:
    """The programs of those that are here."""
    installed = {name: folder / "bin" / name for name, folder in INSTALLED.items()}
    found = {name: str(program) for name, program in installed.items() if program.exists()}
    return found | {name: given for name in OTHERS if (given := os.environ.get(variable(name)))}
