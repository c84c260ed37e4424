"""The baseline: haproxy as a plain TCP relay, with two threads, with and without splicing (splice(2))."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers.session import ProxyAddress
from benchmarks.subjects.process import ProxyProcess, free_port, running_proxy

# "auto" splices if haproxy's heuristics suggest it, which is rare here; "on" always does: it moves pages instead of
# copying bytes.
SPLICING = {
    "off": "",
    "auto": "option splice-auto",
    "on": "option splice-request\n    option splice-response",
}
COPYING = ("off", "auto")
"""Variants that copy every byte through the process, "auto" nearly always."""

_CONFIG = """
global
    nbthread 2
    maxconn {maxconn}
    maxpipes 64
defaults
    mode tcp
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    {splicing}
listen relay
    bind 127.0.0.1:{port}
    server dc 127.0.0.1:{dc_port}
"""


@contextmanager
def running_haproxy(splicing: str, folder: Path, dc_port: int) -> Iterator[ProxyProcess]:
    """Relay from a free port to the DC; files go to the folder."""
    port = free_port()
    config = folder / f"haproxy-{port}.cfg"
    config.write_text(
        _CONFIG.format(port=port, dc_port=dc_port, splicing=SPLICING[splicing], maxconn=_affordable_maxconn())
    )
    command = ["haproxy", "-db", "-f", str(config)]
    with running_proxy(command, ProxyAddress(port, secret=None), folder / f"haproxy-{port}.log") as proxy:
        yield proxy


def _affordable_maxconn() -> int:
    """More than any row needs, or as many as the limit of descriptors allows: otherwise haproxy refuses to start."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(5000, (limit - 300) // 2)


def haproxy_version() -> str | None:
    """For example "2.6.12-1+deb12u4"; None if haproxy isn't installed."""
    if shutil.which("haproxy") is None:
        return None
    said = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"version (\S+)", said)
    return found[1] if found else "unknown"
