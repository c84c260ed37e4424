"""Lines fit into every terminal, and say everything where there is room."""

from __future__ import annotations

from collections import Counter

import pytest
from rich.cells import cell_len

from mtg.top.screen import Shown, all_lines, screen_lines
from mtg.top.view import Mode, View
from unit.mtg.top.samples import connection, picture

MANY = picture(*(connection(number, user="alice" if number % 2 else "") for number in range(60)))
SHOWN = Shown(MANY, Counter({"digest": 3, "client_eof": 5}), "the proxy didn't answer", 2)


def texts(view: View, width: int = 80, height: int = 24, shown: Shown = SHOWN) -> list[str]:
    return [line.plain for line in screen_lines(shown, view, width, height)]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(("width", "height"), [(1, 1), (20, 3), (40, 9), (80, 24), (200, 60), (80, 100)])
def test_lines_fit_whatever_the_size(mode: Mode, width: int, height: int) -> None:
    view = View(mode=mode, filter_text="漢字" * 10)
    view.to_end = view.connections(MANY)[0] if view.connections(MANY) else None
    lines = texts(view, width, height)
    assert len(lines) == height
    assert max(map(cell_len, lines)) <= width


def test_the_header_says_how_it_does() -> None:
    head = "\n".join(texts(View())[:7])
    for told in (
        "mtg 1.2.3 (native)  up 1 h 6 min  /etc/mtg.toml",
        "clients 3   connections 4 of 100   visitors 48 of 50   files 9 of 1024",
        "memory 50 MiB   up 0 B/s   down 0 B/s",
        "DC 2 35 ms   DC 4 failed 1m ago   site site.example:443",
        "blocklist 7 prefixes (1 source with a problem)",
        "endings 8   client_eof 5   digest 3   not counted 2",
        "the proxy didn't answer",
    ):
        assert told in head


def test_users_leave_room_for_connections() -> None:
    lines = texts(View())
    assert [line.split()[0] for line in lines[7:12]] == ["USER", "alice", "bob", "CLIENT", "192.0.2.0:1000"]
    assert len([line for line in lines if line.startswith("192.")]) == 12


def test_the_selected_connection_is_on_the_screen() -> None:
    view = View(sort="age", selected="id40")
    lines = screen_lines(SHOWN, view, 80, 24)[:-1]
    marked = [line.plain for line in lines if any(span.style == "reverse" for span in line.spans)]
    assert [line.split()[0] for line in marked] == ["192.0.2.40:1000"]


def test_a_file_gets_everything() -> None:
    lines = [line.plain for line in all_lines(SHOWN, 160)]
    assert sum(line.startswith("192.0.2.") for line in lines) == 60
    assert max(map(len, lines)) <= 160


def test_long_names_are_cut_and_what_obeys_nothing_is_escaped() -> None:
    one = connection(1, user="u" * 64) | {"client": "\x1b[2J" + "x" * 60}
    (line,) = [line for line in texts(View(), shown=Shown(picture(one))) if "uuu" in line]
    assert "~" in line
    assert "\x1b" not in line
    assert len(line) <= 80
