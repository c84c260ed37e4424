"""What the user wants to see, and what keys change of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from mtg.top.picture import ConnectionRow, Picture, UserRow

MOST_FILTER_CHARACTERS = 64


class Action(Enum):
    """What a key asks for beyond another look at the same things."""

    QUIT = "quit"
    REFRESH = "refresh"
    END = "end"
    """End the connection `View.to_end`."""


class Mode(Enum):
    """What keys are for."""

    LISTS = "lists"
    FILTER = "filter"
    CONFIRM = "confirm"
    HELP = "help"


SORTS: dict[str, Callable[[ConnectionRow], Any]] = {
    "rate": lambda row: (-row.flow.bytes_per_second, -row.flow.total_bytes),
    "bytes": lambda row: -row.flow.total_bytes,
    "age": lambda row: -row.age_seconds,
    "user": lambda row: (row.user == "", row.user, row.client),
}
"""How connections can be sorted; users likewise, as far as they have it."""

_USER_SORTS: dict[str, Callable[[UserRow], Any]] = {
    "rate": lambda row: (-row.flow.bytes_per_second, -row.flow.total_bytes),
    "bytes": lambda row: -row.flow.total_bytes,
    "age": lambda row: -row.connections,
    "user": lambda row: row.name,
}


@dataclass
class View:
    """The state of the screen.

    Attributes:
        sort: One of `SORTS`.
        is_reversed: Whether the last come first.
        filter_text: Only rows with this text in them are shown, whatever its case.
        selected: The id of the selected connection.
        to_end: The connection that the user is asked about, or has chosen to end. It stays the same, whatever moves.
        mode: What keys are for.
        is_paused: Whether the picture stays as it is.
        message: What came of the last action.
        page_rows: How many connections fit on the screen.
    """

    sort: str = "rate"
    is_reversed: bool = False
    filter_text: str = ""
    selected: str | None = None
    to_end: ConnectionRow | None = None
    mode: Mode = Mode.LISTS
    is_paused: bool = False
    message: str = ""
    page_rows: int = 10
    _edited: str = field(default="", repr=False)

    def connections(self, picture: Picture) -> list[ConnectionRow]:
        """Return the connections to show, in order."""
        found = [row for row in picture.connections if self._shows(row.client, row.user, row.state, f"dc{row.dc}")]
        return sorted(found, key=SORTS[self.sort], reverse=self.is_reversed)

    def users(self, picture: Picture) -> list[UserRow]:
        """Return the users to show, in order: all of them if the filter is about something else."""
        named = [row for row in picture.users if self.filter_text.lower() in row.name.lower()]
        return sorted(named or picture.users, key=_USER_SORTS[self.sort], reverse=self.is_reversed)

    def selected_row(self, rows: list[ConnectionRow]) -> int:
        """Return the place of the selected connection; the first takes over when it is gone."""
        for index, row in enumerate(rows):
            if row.id == self.selected:
                return index
        self.selected = rows[0].id if rows and self.selected is not None else None
        return 0

    def press(self, key: str, picture: Picture) -> Action | None:
        """Do what a key is for."""
        self.message = ""
        match self.mode:
            case Mode.FILTER:
                self._edit_filter(key)
                return None
            case Mode.CONFIRM:
                self.mode = Mode.LISTS
                return Action.END if key in ("y", "Y") else None
            case Mode.HELP:
                self.mode = Mode.LISTS
                return Action.QUIT if key == "q" else None
            case Mode.LISTS:
                return self._press_in_lists(key, picture)

    def _press_in_lists(self, key: str, picture: Picture) -> Action | None:
        match key:
            case "q" | "Q":
                return Action.QUIT
            case " " | "redraw":
                return Action.REFRESH
            case "p":
                self.is_paused = not self.is_paused
            case "s":
                names = list(SORTS)
                self.sort = names[(names.index(self.sort) + 1) % len(names)]
            case "r":
                self.is_reversed = not self.is_reversed
            case "/" | "f":
                self.mode, self._edited = Mode.FILTER, self.filter_text
            case "escape":
                self.filter_text, self.selected = "", None
            case "?" | "h":
                self.mode = Mode.HELP
            case _:
                self._press_on_a_row(key, self.connections(picture))
        return None

    def _press_on_a_row(self, key: str, rows: list[ConnectionRow]) -> None:
        here = self.selected_row(rows)
        steps = {"up": -1, "down": 1, "j": 1, "page-up": -self.page_rows, "page-down": self.page_rows}
        steps |= {"home": -len(rows), "end": len(rows)}
        if key in steps and rows:
            step = steps[key] if self.selected is not None else 0
            self.selected = rows[min(max(here + step, 0), len(rows) - 1)].id
        elif key in ("k", "x", "delete"):
            if self.selected is None or not rows:
                self.message = "select a connection first: the arrow keys do"
            else:
                self.mode, self.to_end = Mode.CONFIRM, rows[here]
        elif key in ("u", "enter") and self.selected is not None and rows:
            self.filter_text = rows[here].user or rows[here].state

    def _edit_filter(self, key: str) -> None:
        match key:
            case "enter":
                self.mode = Mode.LISTS
            case "escape":
                self.mode, self.filter_text = Mode.LISTS, self._edited
            case "backspace":
                self.filter_text = self.filter_text[:-1]
            case "clear":
                self.filter_text = ""
            case _ if len(key) == 1:
                self.filter_text = (self.filter_text + key)[:MOST_FILTER_CHARACTERS]

    def _shows(self, *texts: str) -> bool:
        return not self.filter_text or any(self.filter_text.lower() in text.lower() for text in texts)
