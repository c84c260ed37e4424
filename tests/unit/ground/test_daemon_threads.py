"""Threads that nobody waits for; `test_name_lookup.py` has them at work."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from mtglib.ground.daemon_threads import DaemonThreads

FORKING = """
import os, threading, warnings
from mtglib.ground.daemon_threads import DaemonThreads

warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)  # Python 3.12 tells what this is about
threads, busy, go, waits = DaemonThreads(1, "a-thread"), threading.Event(), threading.Event(), print
threads.run(lambda: (busy.set(), go.wait()))
threads.run(waits)
busy.wait()
if os.fork() == 0:
    done = threading.Event()
    print("withdrawn:", threads.withdraw(waits), flush=True)
    threads.run(done.set)
    print("done:", done.wait(20), flush=True)
    os._exit(0)
os.wait()
print("withdrawn by its owner:", threads.withdraw(waits))
"""


def test_a_process_that_was_forked_off_has_threads_of_its_own() -> None:
    ran = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=60, check=True)

    assert ran.stdout.splitlines() == ["withdrawn: False", "done: True", "withdrawn by its owner: True"]
    assert ran.stderr == ""


def test_the_last_thread_that_cannot_start_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    threads, done = DaemonThreads(2, "a-thread"), threading.Event()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_more)
        with pytest.raises(OSError, match=r"^no thread could be started: can't start new thread$"):
            threads.run(done.set)

    assert not threads.withdraw(done.set)
    threads.run(done.set)
    assert done.wait(20)
