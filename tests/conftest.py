"""What holds for all tests: the relays, which tests may be left out, and how hard the property tests try.

A test that can't run here (no root, no network namespaces, no cargo, no native engine) is skipped, with the reason in
pytest's summary. With CI=true that is a failure: there everything must run. Where a part is missing on purpose,
MTG_ALLOWED_SKIPS is a regular expression for the reasons that are all right.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

import mtglib

R = TypeVar("R", pytest.TestReport, pytest.CollectReport)

settings.register_profile("default", deadline=None)
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=int(os.environ.get("MTG_FUZZ_EXAMPLES", "20000")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("default")


@pytest.fixture(autouse=True, scope="session")
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where programs keep what outlives them, unless a test has another place for it: not in the user's home."""
    for name in ("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        os.environ.pop(name, None)
    home = tmp_path_factory.mktemp("state")
    os.environ["XDG_STATE_HOME"] = str(home)
    return home


@pytest.fixture(params=["native", "pure"])
def relay(request: pytest.FixtureRequest) -> str:
    """Each relay in turn; the native one only where it was built."""
    choice = str(request.param)
    if choice == "native" and mtglib.engine_description() != "native":
        pytest.skip(f"no native relay: {mtglib.engine_description()}")
    return choice


def pytest_configure() -> None:
    """Let SIGINT end the programs that tests start, also where a shell runs all this in the background, without it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> list[str]:
    """What decides which tests can run."""
    user = "root" if os.geteuid() == 0 else "an unprivileged user"
    return [f"engine: {mtglib.engine_description()}, run by {user}, {'a skip fails' if _must_run_all() else 'no CI'}"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, R, R]:
    """Judge what tests and fixtures skip."""
    return _judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, R, R]:
    """Judge what whole files skip."""
    return _judged((yield))


def _judged(report: R) -> R:
    """The report, made a failure if it is a skip that must not be."""
    if report.skipped and not hasattr(report, "wasxfail") and _must_run_all():
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        allowed = os.environ.get("MTG_ALLOWED_SKIPS")
        if not (allowed and re.search(allowed, reason)):
            report.outcome = "failed"
            report.longrepr = f"skipped, which CI=true doesn't allow: {reason.removeprefix('Skipped: ')}"
    return report


def _must_run_all() -> bool:
    return os.environ.get("CI") == "true"
