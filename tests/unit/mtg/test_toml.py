"""What a text that isn't TOML is answered: the line, and what was expected there."""

from __future__ import annotations

import tomllib

import pytest

from mtg.config.toml import TOMLError, parse_toml

END = "the end of the line after the value"


def error_of(text: str) -> tuple[int | None, str]:
    with pytest.raises(TOMLError) as raised:
        parse_toml(text)
    assert str(raised.value) == f"expected {raised.value.expected}"
    return raised.value.line, raised.value.expected


def test_toml_is_a_table() -> None:
    assert parse_toml('a = "b"\n[c]\nd = 1\n') == {"a": "b", "c": {"d": 1}}


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("a = 1\nb = \n", 2, 'a value: "text" in quotes'),
        ("secret = ee001122\n", 1, 'a value: "text" in quotes'),
        ("bind-to = 0.0.0.0:3128\n", 1, END),
        ('a = "b" c\n', 1, END),
        ("a = 1\n= 2\n", 2, "a key, a [table] or a # comment"),
        ("a. = 2\n", 1, "a key of letters"),
        ("a 2\n", 1, '"=" after the key'),
        ('a = "b\nc = 1\n', 1, "a closing quote on the same line"),
        ("a = 'b\nc = 'd'\n", 1, "a closing quote on the same line"),
        ('a = "b', 1, "a closing quote"),
        ("a = 'b", 1, "a closing quote"),
        ('a = """b\n', 2, "a closing quote"),
        ("a = '''b\n", 2, "a closing quote"),
        ('a = "\x01"', 1, "no control characters"),
        ("# \x01", 1, "no control characters"),
        ('a = "C:\\Users"', 1, "hex digits of a Unicode character"),
        ('a = "C:\\mtg"', 1, "two backslashes for one"),
        ('a = "\\ud800"', 1, "hex digits of a Unicode character"),
        ("b = [1,\n", 2, 'a value: "text" in quotes'),
        ("b = [1 2]\n", 1, '"," or "]" after an element'),
        ("b = {c = 1 d = 2}\n", 1, '"," or "}" after a value'),
        ("[a\n", 1, "a closing bracket after the table's name"),
        ("[[a]\n", 1, "a closing bracket after the table's name"),
        ("a = 2026-02-30\n", 1, "a date that exists"),
        ("a = 1\na = 2\n", 2, "a new key or table, got one"),
        ("[a]\n[a]\n", 2, "a new key or table, got one"),
        ("b = {c = 1, c = 2}\n", 1, "a new key, got one"),
        ("a = " + "9" * 5000, None, "TOML, without huge numbers"),
        ("a = " + "[" * 5000, None, "TOML, without huge numbers"),
    ],
)
def test_an_error_says_the_line_and_what_was_expected(text: str, line: int | None, expected: str) -> None:
    got = error_of(text)
    assert (got[0], got[1][: len(expected)]) == (line, expected)


def test_a_message_that_a_later_parser_may_have_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    def loads(_: str) -> None:
        raise tomllib.TOMLDecodeError("Something 'ee00' (at line 3, column 1)")

    monkeypatch.setattr(tomllib, "loads", loads)
    assert error_of("") == (3, "TOML")
