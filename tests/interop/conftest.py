"""What all interop tests vary: the relay, and whether data centres encrypt for the client."""

from __future__ import annotations

import pytest

import mtglib


@pytest.fixture(params=["native", "pure"])
def relay(request: pytest.FixtureRequest) -> str:
    """Each relay in turn; the native one only where it was built."""
    choice = str(request.param)
    if choice == "native" and mtglib.engine_description() != "native":
        pytest.skip(f"no native relay: {mtglib.engine_description()}")
    return choice


@pytest.fixture(params=[True, False], ids=["fast", "re-encrypted"])
def fast_mode(request: pytest.FixtureRequest) -> bool:
    """Fast mode on and off."""
    return bool(request.param)
