"""An exact cache's memory, as the engine has it and in pure Python."""

from __future__ import annotations

from typing import Any

import pytest

from mtglib.antireplay import exact, pure
from mtglib.antireplay.memory import ReplayMemory

NATIVE = None if ReplayMemory is pure.PureReplayMemory else ReplayMemory


@pytest.fixture(params=["native", "pure"])
def memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The class of the memory, which `Exact` has for the length of the test."""
    made: Any = pure.PureReplayMemory if request.param == "pure" else NATIVE
    if made is None:
        pytest.skip("the native engine isn't built")
    monkeypatch.setattr(exact, "ReplayMemory", made)
    return made


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now_unix = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_unix


@pytest.fixture
def clock() -> Clock:
    """Unix seconds."""
    return Clock()
