"""What the control API needs of the running program; `mtg.app.App` has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import mtglib
from mtg.build import Parts


class ProgramStatus(Protocol):
    """As `mtg.app.Status`."""

    @property
    def phase(self) -> str:
        """What the program is doing."""
        ...

    @property
    def since_unix(self) -> float:
        """When it was started, Unix seconds."""
        ...

    @property
    def listens(self) -> Sequence[str]:
        """The addresses that it listens on."""
        ...

    @property
    def events_dropped(self) -> int:
        """The number of events that observers didn't get."""
        ...


class RunningProgram(Protocol):
    """The running program."""

    @property
    def parts(self) -> Parts:
        """What it consists of now."""
        ...

    @property
    def proxy(self) -> mtglib.Proxy:
        """Its proxy."""
        ...

    def status(self) -> ProgramStatus:
        """Return the current status."""
        ...

    async def reload_lists(self) -> None:
        """Read all IP lists again."""
        ...
