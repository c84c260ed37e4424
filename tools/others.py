"""Installs other proxies for `make bench-others`, in pinned versions, and says which of them won't be measured.

What no registry has, or a registry refused, has to be built by hand: docs/comparison.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.subjects import mtprotoproxy, others

# With the two packages that it uses when they are there; without them it would be slower. Python 3.8 removed a name
# that it needs.
_REQUIREMENTS = (f"mtprotoproxy=={mtprotoproxy.VERSION}", "uvloop==0.18.0", "cryptography==45.0.7")
_PYTHON = os.environ.get("PYTHON37") or "python3.7"


def main() -> int:
    """Install what isn't there yet; 0 whatever came of it."""
    if "mtprotoproxy" not in others.programs():
        install_mtprotoproxy(others.INSTALLED["mtprotoproxy"])
    found = others.programs()
    for name in others.OTHERS:
        print(f"{name}: {found.get(name) or f'not measured; {others.variable(name)} may name its program'}")
    print("mtg-multi and telemt: not measured, see docs/comparison.md", flush=True)
    return 0


def install_mtprotoproxy(folder: Path) -> None:
    """Make a virtual environment with it; says why if that fails."""
    if not _runs(_PYTHON, "-c", "import sys; sys.exit(sys.version_info[:2] != (3, 7))"):
        print(f"mtprotoproxy needs Python 3.7, which {_PYTHON} isn't: make bench-others PYTHON37=/path/to/it")
    elif not _runs(_PYTHON, "-m", "venv", str(folder)) or not _runs(
        str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *_REQUIREMENTS
    ):
        print("mtprotoproxy could not be installed; the reason is above")


def _runs(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
