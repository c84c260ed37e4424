"""Runs a function as a process of its own in a new network namespace, which has only 127.0.0.1 and ::1."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.server_process import is_missing

_AS_USER = () if os.geteuid() == 0 else ("--user", "--map-root-user")
ENTER = ("unshare", *_AS_USER, "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
"""What a command begins with that is to run in a new namespace."""


class IsolatedRunError(Exception):
    """The function raised, or was too slow; the text is everything that its process wrote to stderr."""


def netns_is_missing() -> str | None:
    """Return why no network namespace can be made here, or None."""
    if reason := is_missing("unshare", "ip"):
        return reason
    made = subprocess.run([*ENTER, "true"], capture_output=True, text=True, check=False)
    return f"no network namespace: {made.stderr.strip()}" if made.returncode else None


def require_root_and_netns() -> None:
    """Skip the running test, with the reason, if no network namespace can be created, or only one without root."""
    if os.geteuid() != 0:
        pytest.skip("making a network namespace needs root")
    if reason := netns_is_missing():
        pytest.skip(reason)


def routes_beyond_loopback() -> list[str]:
    """Return the routes of this process that don't lead to the loopback interface."""
    lines: list[str] = []
    for table, column in (("route", 0), ("ipv6_route", 9)):
        file = Path("/proc/self/net") / table
        rows = file.read_text().splitlines() if file.exists() else []
        lines += [row for row in rows if row.split()[column] not in ("lo", "Iface")]
    return lines


def run_in_netns(target: str, *, run_timeout: float = 60.0, **arguments: Any) -> Any:
    """Call ``module:function`` with these arguments in a new namespace, and return its result.

    Arguments and result are passed as JSON; a coroutine function is run. ``run_timeout`` is in seconds.
    Raises IsolatedRunError.
    """
    command = [*ENTER, sys.executable, "-m", "support.netns_main", target, json.dumps(arguments)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=environment,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=run_timeout)
    except subprocess.TimeoutExpired:
        # The whole group: the function may have started servers.
        os.killpg(process.pid, signal.SIGKILL)
        _, errors = process.communicate()
        raise IsolatedRunError(f"not done after {run_timeout} s\n{errors}") from None
    if process.returncode != 0:
        raise IsolatedRunError(f"exit status {process.returncode}\n{errors}")
    return json.loads(output.splitlines()[-1])
