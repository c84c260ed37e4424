"""Keys, as terminals send them."""

from __future__ import annotations

import pytest

from mtg.top.keys import decode_keys, is_unfinished


@pytest.mark.parametrize(
    ("received", "keys"),
    [
        (b"q/a", ["q", "/", "a"]),
        (
            b"\x1b[A\x1bOB\x1b[5~\x1b[6~\x1b[H\x1b[4~\x1b[3~",
            ["up", "down", "page-up", "page-down", "home", "end", "delete"],
        ),
        (b"\x1b", ["escape"]),
        (b"\x1bq", ["escape", "q"]),
        (b"\r\n\x7f\x08\x0c\x15\x04", ["enter", "enter", "backspace", "backspace", "redraw", "clear", "q"]),
        ("é漢".encode(), ["é", "漢"]),
        (b"\x1b[1;5A\x1b[200~\x00\x01\xff", []),
    ],
)
def test_keys_have_names(received: bytes, keys: list[str]) -> None:
    assert list(decode_keys(received)) == keys


def test_the_rest_of_a_key_is_waited_for() -> None:
    assert all(map(is_unfinished, (b"\x1b", b"a\x1b[", b"\x1bO", b"\x1b[1;5")))
    assert not any(map(is_unfinished, (b"", b"a", b"\x1b[A", b"\x1ba", b"\x1b[5~")))
