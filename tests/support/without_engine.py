"""An interpreter in which the native engine can't be imported."""

from __future__ import annotations

import subprocess
import sys

IMPORT_NOTHING_NATIVE = "import sys; sys.modules['mtglib._engine'] = None"
"""Python code to run first."""


def run_without_engine(script: str, *arguments: str) -> str:
    """Run a script there; return its output, without blanks at the end."""
    command = [sys.executable, "-c", f"{IMPORT_NOTHING_NATIVE}\n{script}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
