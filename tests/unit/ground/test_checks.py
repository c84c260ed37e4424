"""Values that can't work are refused with the argument's name, and one wording for each kind."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mtglib
from mtglib.ground import checks

NO_NUMBERS = ("5", None, True, math.nan, math.inf, [5])


async def waits() -> float:
    return 0.0


def refusal(check: Callable[..., object], value: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(mtglib.OptionError) as caught:
        check("name", value, *arguments, **named)
    return str(caught.value)


@pytest.mark.parametrize("value", [0, 11, 5.0, 10**400, *NO_NUMBERS])
def test_an_integer_is_within_its_bounds(value: Any) -> None:
    assert re.match(r"name: expected a whole number from 1 to 10, got ", refusal(checks.check_int, value, 10))
    for good in (1, 10):
        checks.check_int("name", good, 10)


@pytest.mark.parametrize("value", [0.4, 1.1, -1, *NO_NUMBERS])
def test_a_number_is_within_its_bounds(value: Any) -> None:
    assert re.match(r"name: expected a number from 0.5 to 1, got ", refusal(checks.check_number, value, 1, least=0.5))
    for good in (0.5, 0.7, 1):
        checks.check_number("name", good, 1, least=0.5)


@pytest.mark.parametrize("value", [-1, 3600.5, *NO_NUMBERS])
def test_a_duration_is_within_its_bounds(value: Any) -> None:
    assert re.match(r"name: expected seconds above 0, up to 3600, got", refusal(checks.check_seconds, value, 3600))
    assert re.match(r"name: expected seconds from 0 to 3600, got", refusal(checks.check_seconds, value, 3600, least=0))
    for good in (1e-9, 5, 3600):
        checks.check_seconds("name", good, 3600)


def test_only_where_it_is_said_a_duration_may_be_nothing() -> None:
    checks.check_seconds("name", 0, least=0)

    assert refusal(checks.check_seconds, 0) == "name: expected seconds above 0, up to 31536000 (a year), got 0"
    assert refusal(checks.check_seconds, 0.5, least=1).startswith(
        "name: expected seconds from 1 to 31536000 (a year), got"
    )


@pytest.mark.parametrize("value", [0, None, "True"])
def test_a_flag_is_true_or_false(value: Any) -> None:
    assert refusal(checks.check_flag, value) == f"name: expected True or False, got {value!r}"
    checks.check_flag("name", False)


@pytest.mark.parametrize("value", ["c", "A", 5, ["a"], None])
def test_a_choice_is_one_of_a_few_words(value: Any) -> None:
    assert refusal(checks.check_choice, value, ("a", "b")) == f"name: expected one of a, b, got {value!r}"
    checks.check_choice("name", "b", ("a", "b"))


@pytest.mark.parametrize("value", ["abb", "ab\n", 5, None])
def test_text_matches_as_a_whole(value: Any) -> None:
    assert refusal(checks.check_text, value, re.compile("ab"), "just ab") == f"name: expected just ab, got {value!r}"
    checks.check_text("name", "ab", re.compile("ab"), "just ab")


@pytest.mark.parametrize("value", ["", "sixteen_letters_", "a\0", "ä", 5, b"bbr"])
def test_an_algorithm_has_a_name_that_the_kernel_can_take(value: Any) -> None:
    assert "name: expected an algorithm's name, up to 15 characters" in refusal(checks.check_congestion_control, value)
    for good in ("bbr", "fifteen_letters", None):
        checks.check_congestion_control("name", good)


def test_something_of_a_class_is_not_the_class() -> None:
    assert refusal(checks.check_kind, Path, Path) == "name: expected a Path, got type"
    checks.check_kind("name", Path(), Path)


@pytest.mark.parametrize("value", ["abc", b"abc", {"a"}, iter("a"), None, 5])
def test_a_list_is_a_sequence_and_no_string(value: Any) -> None:
    text = refusal(checks.check_list, value, "URLs", may_be_empty=True)
    assert text == f"name: expected a list of URLs, got {type(value).__name__}"
    for good in (["a"], ("a",)):
        checks.check_list("name", good, "URLs")


def test_an_empty_list_is_refused_unless_it_is_allowed() -> None:
    assert refusal(checks.check_list, [], "URLs") == "name: expected a list of URLs, got an empty one"
    checks.check_list("name", [], "URLs", may_be_empty=True)


def test_a_function_that_is_called_without_waiting_is_no_async_def() -> None:
    for value in (waits, asyncio.sleep, 5.0, None):
        assert "name: expected a plain function that returns seconds, got" in refusal(
            checks.check_function, value, "seconds"
        )
    checks.check_function("name", float, "seconds")


def test_what_is_called_may_be_awaited_or_not() -> None:
    assert refusal(checks.check_callable, 5, "a dialler") == "name: expected a dialler, got int"
    checks.check_callable("name", waits, "a dialler")


@pytest.mark.parametrize("value", ["", "/a\0b", b"/a", 5, True])
def test_a_directory_is_a_path_or_none(value: Any) -> None:
    assert "name: expected the path of a directory, or None, got" in refusal(checks.as_directory, value)


def test_a_directory_becomes_a_path() -> None:
    assert checks.as_directory("name", "/a") == checks.as_directory("name", Path("/a")) == Path("/a")
    assert checks.as_directory("name", None) is None
