"""Makes lines of a picture, as many and as wide as fit on the screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from mtg.reports.cells import BAD, DIM, printable
from mtg.reports.units import age, size
from mtg.top.header import header_lines
from mtg.top.picture import ConnectionRow, Flow, Picture, UserRow
from mtg.top.view import Mode, View

WIDEST = 160
"""Columns of a picture that goes into a file."""

_HELP = """\
up down PgUp PgDn Home End  select a connection
k (or x, Del)               end it; asks first
u (or Enter)                show the connections of its user only
/                           filter by user, address, state, or DC ("dc2")
Esc                         select nothing, and show everything again
s                           sort by the next of: rate, bytes, age, user
r                           reverse the order
p                           pause, and go on
Space                       refresh now
q (or Ctrl-C)               quit

UP is from clients, DOWN is to them. Those without a user are visitors, whom
the proxy shows the site, and clients whose handshake isn't complete yet.
docs/statistics.md has the reasons of endings, counted since this was started.
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is on the screen beside the user's view.

    Attributes:
        picture: What there is.
        endings: Why connections have ended since the start, by reason.
        problem: Why there is no newer picture.
        lost_events: Events that weren't counted.
    """

    picture: Picture
    endings: Counter[str] = field(default_factory=Counter)
    problem: str = ""
    lost_events: int = 0


@dataclass(frozen=True, slots=True)
class _Column:
    """A column; `least` cells wide, and up to `most` where there is room."""

    name: str
    least: int
    most: int
    is_number: bool = True


_USER_COLUMNS = (
    _Column("USER", 10, 40, is_number=False),
    *(_Column("CONNS", 6, 6), _Column("UP/s", 7, 9), _Column("DOWN/s", 7, 9), _Column("UP", 7, 9)),
    _Column("DOWN", 7, 9),
)
_CONNECTION_COLUMNS = (
    *(_Column("CLIENT", 16, 47, is_number=False), _Column("USER", 8, 24, is_number=False)),
    *(_Column("STATE", 9, 9, is_number=False), _Column("DC", 2, 3), _Column("AGE", 6, 6)),
    *(_Column("UP/s", 7, 9), _Column("DOWN/s", 7, 9), _Column("TOTAL", 7, 9)),
)


def screen_lines(shown: Shown, view: View, width: int, height: int) -> list[Text]:
    """Return exactly `height` lines; the last one says what keys do."""
    lines = [*header_lines(shown.picture, shown.endings, shown.problem, shown.lost_events)]
    room = max(0, height - len(lines) - 1)
    if view.mode is Mode.HELP:
        lines += [Text(line) for line in ("", *_HELP.splitlines())]
    else:
        lines += _lists(shown.picture, view, width, room)
    lines = lines[: height - 1]
    lines += [Text()] * (height - 1 - len(lines))
    return [_fit(line, width) for line in (*lines, _footer(view))][-height:]


def all_lines(shown: Shown, width: int) -> list[Text]:
    """Return everything, for a file or a pipe."""
    view, picture = View(), shown.picture
    return [
        *header_lines(picture, shown.endings, shown.problem, shown.lost_events),
        Text(),
        *_user_lines(view.users(picture), width),
        Text(),
        *_connection_lines(view.connections(picture), width, None),
    ]


def _lists(picture: Picture, view: View, width: int, room: int) -> Iterator[Text]:
    """Users get a third of the lines, if there are so many, and connections the rest."""
    users, connections = view.users(picture), view.connections(picture)
    of_users = min(len(users), max(1, (room - 2) // 3)) if room > 5 else 0
    if of_users:
        lines = list(_user_lines(users[:of_users], width))
        yield from lines
        if len(users) > of_users:
            yield Text(f"  and {len(users) - of_users} more", DIM)
        room -= len(lines) + (len(users) > of_users)
    view.page_rows = rows = max(1, room - 1)
    selected = view.selected_row(connections)
    first = min(max(0, selected - rows // 2), max(0, len(connections) - rows))
    yield from _connection_lines(connections[first : first + rows], width, view.selected)


def _user_lines(users: Sequence[UserRow], width: int) -> Iterator[Text]:
    widths = _widths(_USER_COLUMNS, width)
    yield _heading(_USER_COLUMNS, widths)
    for user in users:
        flow = user.flow
        texts = (user.name, str(user.connections), *_rates(flow), size(flow.up_bytes), size(flow.down_bytes))
        yield _row(_USER_COLUMNS, widths, texts)


def _connection_lines(rows: Sequence[ConnectionRow], width: int, selected: str | None) -> Iterator[Text]:
    widths = _widths(_CONNECTION_COLUMNS, width)
    yield _heading(_CONNECTION_COLUMNS, widths)
    for row in rows:
        dc = str(row.dc) if row.dc else "-"
        texts = (row.client, row.user or "-", row.state, dc, age(row.age_seconds), *_rates(row.flow))
        line = _row(_CONNECTION_COLUMNS, widths, (*texts, size(row.flow.total_bytes)))
        if row.id == selected:
            line.stylize("reverse")
        elif not row.user:
            line.stylize(DIM)
        yield line


def _rates(flow: Flow) -> tuple[str, str]:
    """What stands still is left out, so that what moves stands out."""
    both = (flow.up_bytes_per_second, flow.down_bytes_per_second)
    up, down = (size(one) if one >= 0.5 else "" for one in both)
    return up, down


def _widths(columns: Sequence[_Column], width: int) -> list[int]:
    """Give each column its least width, and what is left to those that can use it, the first ones first."""
    widths = [column.least for column in columns]
    left = width - sum(widths) - (len(columns) - 1)
    for index in sorted(range(len(columns)), key=lambda index: columns[index].is_number):
        more = min(max(0, left), columns[index].most - widths[index])
        widths[index] += more
        left -= more
    return widths


def _heading(columns: Sequence[_Column], widths: Sequence[int]) -> Text:
    line = _row(columns, widths, [column.name for column in columns])
    line.stylize("bold underline")
    return line


def _row(columns: Sequence[_Column], widths: Sequence[int], texts: Sequence[str]) -> Text:
    fitted = (
        _cell(text, width, is_number=column.is_number)
        for column, width, text in zip(columns, widths, texts, strict=True)
    )
    return Text(" ".join(fitted))


def _cell(text: str, width: int, *, is_number: bool) -> str:
    text = printable(text)
    if is_number:
        return " " * (width - cell_len(text)) + text
    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, width - 1) + "~"


def _footer(view: View) -> Text:
    match view.mode:
        case Mode.FILTER:
            return Text(f"filter: {printable(view.filter_text)}_  (Enter: keep, Esc: undo)", "bold")
        case Mode.CONFIRM if view.to_end is not None:
            who = printable(view.to_end.user or "a visitor")
            return Text(f"end the connection of {who} from {printable(view.to_end.client)}? y/n", f"bold {BAD}")
        case Mode.HELP:
            return Text("any key: back", "bold")
        case _:
            return _key_line(view)


def _key_line(view: View) -> Text:
    if view.message:
        return Text(printable(view.message), "bold")
    sort = f"{view.sort}{', reversed' if view.is_reversed else ''}"
    filtered = f": {printable(view.filter_text)}" if view.filter_text else ""
    keys: Mapping[str, str] = {
        "q": "quit",
        "s": f"sort ({sort})",
        "r": "reverse",
        "/": f"filter{filtered}",
        "k": "end",
        "p": "go on" if view.is_paused else "pause",
        "?": "help",
    }
    line = Text("paused  ", "bold") if view.is_paused else Text()
    for key, meaning in keys.items():
        line.append(f" {key} ", "reverse").append(f" {meaning}  ")
    return line


def _fit(line: Text, width: int) -> Text:
    """Cut a line; a line as wide as the terminal would be followed by an empty one on some."""
    fitted = line.copy()
    fitted.truncate(width, overflow="crop")
    fitted.no_wrap, fitted.overflow, fitted.end = True, "crop", ""
    return fitted
