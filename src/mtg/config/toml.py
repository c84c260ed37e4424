"""Parses TOML; an error says the line and what was expected there, and quotes nothing: a line may hold the secret."""

from __future__ import annotations

import re
import tomllib
from typing import Any

_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")

_EXPECTED = {
    "Invalid value": 'a value: "text" in quotes, a number, true, false or a [list]',
    "Expected newline or end of document": 'the end of the line after the value ("text" needs quotes)',
    "Invalid statement": "a key, a [table] or a # comment",
    "Invalid initial character for a key part": "a key of letters, digits, - and _, or one in quotes",
    "Expected '=' after a key": '"=" after the key',
    "Unterminated string": "a closing quote",
    'Expected "': "a closing quote",  # the quote itself is in quotes
    "Illegal character '\\n'": "a closing quote on the same line",
    "Found invalid character '\\n'": "a closing quote on the same line",
    "Illegal character": "no control characters",
    "Found invalid character": "no control characters",
    "Unescaped '\\'": "two backslashes for one, or the text in single quotes",
    "Invalid hex value": "hex digits of a Unicode character",
    "Escaped character is not": "hex digits of a Unicode character",
    "Unclosed array": '"," or "]" after an element of the list',
    "Unclosed inline table": '"," or "}" after a value of the inline table',
    "Expected ']": "a closing bracket after the table's name",
    "Invalid date": "a date that exists",
    "Cannot ": "a new key or table, got one that is already there",
    "Duplicate ": "a new key, got one that is already there",
}
"""What each message of `tomllib` begins with, the first that fits, and what it means."""


class TOMLError(ValueError):
    """The text isn't TOML.

    Attributes:
        line: The number of the line, from 1; None if the whole text is meant.
        expected: What was expected there.
    """

    def __init__(self, line: int | None, expected: str) -> None:
        super().__init__(f"expected {expected}")
        self.line = line
        self.expected = expected


def parse_toml(text: str) -> dict[str, Any]:
    """Return the table of a TOML text.

    Raises:
        TOMLError: It isn't TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line = int((place and place[1]) or text.count("\n") + 1)
        found = (expected for beginning, expected in _EXPECTED.items() if str(error).startswith(beginning))
        raise TOMLError(line, next(found, "TOML")) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, a list of thousands of lists
        raise TOMLError(None, "TOML, without huge numbers or deep nesting") from None
