"""What the library's unit tests share: both event loops, and property tests without a clock."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop
from hypothesis import HealthCheck, settings

from integration.recording_logger import RecordingLogger
from mtglib import dc_dialler
from mtglib.ground.guarded_logger import GuardedLogger, Warnings
from mtglib.readiness import Readiness
from unit.slow_system import ANSWER, SlowSystem
from unit.two_families import Timers

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

_ON_BOTH_LOOPS = frozenset(
    (
        *("test_readiness.py", "test_conn.py", "test_accepting.py", "test_tunnel.py", "test_direct.py"),
        *("test_proxy.py", "test_deadlines.py", "test_socks5.py", "test_breaker.py", "test_balanced.py"),
        *(
            "test_connecting.py",
            "test_http.py",
            "test_fanout.py",
            "test_system_resolver.py",
            "test_name_lookup.py",
            "test_resolver.py",
        ),
        *("test_dc_dialler.py", "test_dc_dialler_races.py", "test_dc_dialler_silent.py"),
    )
)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run what touches the event loop on asyncio's own and on uvloop, the rest on asyncio's."""
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if item.path.name in _ON_BOTH_LOOPS:
        factories["uvloop"] = uvloop.new_event_loop
    return factories


@pytest.fixture
def logger() -> RecordingLogger:
    """A logger that keeps everything."""
    return RecordingLogger()


@pytest.fixture
def warnings(logger: RecordingLogger) -> Warnings:
    """Warnings that end up in `logger`."""
    return Warnings(GuardedLogger(logger))


@pytest.fixture
async def readiness() -> AsyncIterator[Readiness]:
    """An epoll set of this test's loop."""
    readiness = Readiness()
    yield readiness
    readiness.close()


@pytest.fixture
def slow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SlowSystem:
    """The system's resolver, which answers when it is let; its outcome is the parameter, if there is one."""
    system = SlowSystem(getattr(request, "param", ANSWER))
    monkeypatch.setattr(socket, "getaddrinfo", system)
    return system


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next address of a DC begin after 10 ms in place of 250."""
    monkeypatch.setattr(dc_dialler, "ATTEMPT_DELAY_SECONDS", 0.01)


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    """Timers of the races for a DC that go off at once, as many as the test lets."""
    timers = Timers()
    monkeypatch.setattr(asyncio, "get_running_loop", timers)
    return timers
