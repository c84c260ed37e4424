"""What interop tests vary beside the relay: whether data centres encrypt for the client."""

from __future__ import annotations

import pytest


@pytest.fixture(params=[True, False], ids=["fast", "re-encrypted"])
def fast_mode(request: pytest.FixtureRequest) -> bool:
    """Fast mode on and off."""
    return bool(request.param)
