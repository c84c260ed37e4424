"""Keys change what is shown."""

from __future__ import annotations

from mtg.top.picture import Picture, make_picture
from mtg.top.view import Action, Mode, View
from unit.mtg.top.samples import connection, picture, snapshot

THREE = picture(
    connection(1, user="bob", up=5, since=10), connection(2, up=90, since=30), connection(3, user="", up=7, since=20)
)


def pressed(view: View, keys: list[str] | str, seen: Picture = THREE) -> list[Action | None]:
    return [view.press(key, seen) for key in keys]


def ids(view: View, seen: Picture = THREE) -> list[str]:
    return [row.id for row in view.connections(seen)]


def test_connections_are_sorted_by_each_key_and_both_ways() -> None:
    view = View()
    orders = {}
    for _ in range(4):
        orders[view.sort] = ids(view)
        pressed(view, "s")
    assert orders == {
        "rate": ["id2", "id3", "id1"],
        "bytes": ["id2", "id3", "id1"],
        "age": ["id1", "id3", "id2"],
        "user": ["id2", "id1", "id3"],
    }
    pressed(view, "r")
    assert ids(view) == ["id1", "id3", "id2"]


def test_what_moves_comes_before_what_has_moved() -> None:
    seen = make_picture(
        snapshot(1, connection(1, up=9), connection(2)), snapshot(2, connection(1, up=9), connection(2, up=1))
    )
    assert ids(View(), seen) == ["id2", "id1"]


def test_a_filter_finds_users_addresses_states_and_dcs() -> None:
    view = View()
    for typed, found in (("BOB", ["id1"]), ("0.2.3:", ["id3"]), ("fronted", ["id3"]), ("dc2", ["id2", "id1"])):
        assert pressed(view, ["/", "clear", *typed, "enter"]) == [None] * (len(typed) + 3)
        assert (view.filter_text, view.mode, ids(view)) == (typed, Mode.LISTS, found)
    pressed(view, ["/", "backspace", "x", "escape"])
    assert view.filter_text == "dc2"
    pressed(view, ["escape"])
    assert len(ids(view)) == 3
    pressed(view, ["/", *"q" * 100])
    assert view.filter_text == "q" * 64


def test_a_selection_stays_with_its_connection() -> None:
    view = View()
    pressed(view, ["down"])
    assert view.selected == "id2"
    pressed(view, ["down", "s", "s", "s"])
    assert (view.selected, view.selected_row(view.connections(THREE))) == ("id3", 2)
    pressed(view, ["home"])
    assert view.selected == "id2"
    pressed(view, ["end", "down"])
    assert view.selected == "id3"
    pressed(view, ["u"])
    assert view.filter_text == "fronted"
    pressed(view, ["escape"])
    assert view.selected is None


def test_ending_asks_first_and_ends_what_it_has_asked_about() -> None:
    view = View()
    assert pressed(view, "k") == [None]
    assert view.message == "select a connection first: the arrow keys do"
    assert pressed(view, ["down", "down", "k", "n"]) == [None] * 4
    assert pressed(view, ["k"]) == [None]
    assert view.mode is Mode.CONFIRM
    without = picture(connection(1, user="bob"), connection(2))
    view.selected_row(view.connections(without))  # it is gone when the screen is drawn the next time
    assert view.press("y", without) is Action.END
    assert view.to_end is not None
    assert view.to_end.id == "id3"


def test_other_keys() -> None:
    view = View()
    assert pressed(view, ["q", " ", "x", "Z", "delete"]) == [Action.QUIT, Action.REFRESH, None, None, None]
    assert pressed(view, "?") == [None]
    assert view.mode is Mode.HELP
    assert pressed(view, "xp") == [None, None]
    assert (view.mode, view.is_paused) == (Mode.LISTS, True)
    nothing = picture()
    assert pressed(View(), ["up", "down", "home", "u", "k", "page-down"], nothing) == [None] * 6
