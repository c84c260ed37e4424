"""What integration tests vary beside the relay: the way of a stream through it, and the event loop.

A test runs in asyncio's loop; one marked ``@pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])`` in both, and
one marked with ``["timeless"]`` in the loop for which no time passes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

from integration.pair import Mode
from support.timeless import TimelessLoop

_LOOPS: Mapping[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
    "timeless": TimelessLoop,
}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Offer all loops to the tests that ask for some, asyncio's to the others."""
    chosen = any("loop_factories" in marker.kwargs for marker in item.iter_markers("asyncio"))
    return _LOOPS if chosen else {"asyncio": asyncio.new_event_loop}


@pytest.fixture(params=["fast", "re-encrypted", "raw"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """Each way of a stream through a relay: to a DC with fast mode on and off, and to the fronting site."""
    choices: Mapping[str, Mode] = {"fast": "fast", "re-encrypted": "re-encrypted", "raw": "raw"}
    return choices[request.param]
