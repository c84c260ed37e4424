"""What the control API needs of the running program; `mtg.app.App` has it."""

from __future__ import annotations

import asyncio
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


class ReloadOutcome(Protocol):
    """As `mtg.reload.ReloadResult`."""

    @property
    def is_applied(self) -> bool:
        """Whether the file's settings are in use now, but for `unchangeable` ones."""
        ...

    @property
    def changed(self) -> tuple[str, ...]:
        """Keys that have another value now."""
        ...

    @property
    def unchangeable(self) -> tuple[str, ...]:
        """Keys whose other value takes a restart."""
        ...

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, one line each."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the configuration, one line each."""
        ...

    @property
    def at_unix(self) -> float:
        """When that was, Unix seconds."""
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

    @property
    def users_turn(self) -> asyncio.Lock:
        """Held by whatever changes the users, until the change is done."""
        ...

    def status(self) -> ProgramStatus:
        """Return the current status."""
        ...

    @property
    def last_reload(self) -> ReloadOutcome | None:
        """What came of the last reload; None: there was none."""
        ...

    async def reload(self) -> ReloadOutcome:
        """Read the configuration again, and use it from now on."""
        ...

    async def reload_lists(self) -> None:
        """Read all IP lists again."""
        ...
