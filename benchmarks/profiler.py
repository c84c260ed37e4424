"""Another run of a row under ``perf record``: where the proxy spends its CPU time."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SAMPLES_PER_SECOND = 999
_REPORT = ["--stdio", "--no-children", "--call-graph=none", "--percent-limit=0.3", "--sort=dso,symbol"]


class Profiler:
    """Writes ``perf-ROW.data`` (with call graphs) and ``perf-ROW.txt`` (the flat profile) into a folder."""

    def __init__(self, folder: Path) -> None:
        """Check that perf is installed, before anything is measured.

        Raises:
            SystemExit: it isn't installed.
        """
        if shutil.which("perf") is None:
            raise SystemExit("--profile needs perf (Debian: linux-perf)")
        folder.mkdir(exist_ok=True)
        self._folder = folder

    @contextmanager
    def watching(self, key: str, pid: int) -> Iterator[None]:
        """Sample a process while the body runs."""
        data = self._folder / f"perf-{key}.data"
        command = [
            "perf",
            "record",
            "-q",
            "-g",
            "-F",
            str(_SAMPLES_PER_SECOND),
            "-p",
            str(pid),
            "-o",
            str(data),
        ]
        perf = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            perf.send_signal(signal.SIGINT)
            perf.wait()
        with data.with_suffix(".txt").open("wb") as report:
            subprocess.run(["perf", "report", *_REPORT, "-i", str(data)], stdout=report, stderr=subprocess.DEVNULL)
