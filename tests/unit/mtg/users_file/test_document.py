"""Editing a users-file: what was changed is changed, and nothing else, comments and blank lines included."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtg.users_file.document import NotEditableError, with_user, with_values, without_user

TEXT = """\
# my friends

# the first one
[users.ann]  # met at school
secret = "s1"  # since May
# she travels
quota = "1gb"

# and the second one
[users."bob.b"]
secret = "s2"

# the last words
"""


def test_a_user_is_added_at_the_end() -> None:
    assert with_user(TEXT, "cid", {"secret": "s3", "enabled": False}) == (
        f'{TEXT}\n[users.cid]\nsecret = "s3"\nenabled = false\n'
    )


@pytest.mark.parametrize(("text", "gap"), [("", ""), ("# c", "\n\n"), ("# c\n", "\n")])
def test_the_first_user_is_added(text: str, gap: str) -> None:
    assert with_user(text, "a.b", {"secret": "s"}) == f'{text}{gap}[users."a.b"]\nsecret = "s"\n'


def test_a_value_is_changed_where_it_is() -> None:
    changed = with_values(TEXT, "ann", {"secret": "new", "quota": "2gb"})
    assert changed == TEXT.replace('"s1"', '"new"').replace("1gb", "2gb")


def test_a_new_value_comes_behind_the_others_and_before_the_comments_on_the_next_user() -> None:
    changed = with_values(TEXT, "ann", {"max-networks": 4})
    assert changed == TEXT.replace('"1gb"\n', '"1gb"\nmax-networks = 4\n')


def test_a_value_is_taken_away() -> None:
    assert with_values(TEXT, "ann", {"quota": None, "expires": None}) == TEXT.replace('quota = "1gb"\n', "")


def test_a_removed_user_takes_along_its_own_lines_only() -> None:
    assert without_user(TEXT, "ann") == (
        '# my friends\n\n# the first one\n\n# and the second one\n[users."bob.b"]\nsecret = "s2"\n\n# the last words\n'
    )
    assert without_user(TEXT, "bob.b") == TEXT.replace('[users."bob.b"]\nsecret = "s2"\n', "")


@pytest.mark.parametrize(
    "text",
    [
        'users = { ann = { secret = "s" } }\n',
        'users.ann = { secret = "s" }\n',
        '[users]\nann = { secret = "s" }\n',
        '[users]\nann.secret = "s"\n',
        'users.ann.secret = "s"\n',
        '[users.ann]\nsecret = """\n[users.ann]\n"""\n',
    ],
)
def test_however_it_is_written_a_change_is_right_or_refused(text: str) -> None:
    before = tomllib.loads(text)["users"]
    edits: list[tuple[Callable[[], str], dict[str, Any]]] = [
        (lambda: with_user(text, "bob", {"secret": "t"}), {**before, "bob": {"secret": "t"}}),
        (lambda: with_values(text, "ann", {"quota": "1b"}), {"ann": {**before["ann"], "quota": "1b"}}),
        (lambda: without_user(text, "ann"), {}),
    ]
    for edit, expected in edits:
        try:
            after = edit()
        except NotEditableError:
            continue
        assert tomllib.loads(after).get("users", {}) == expected


_names = st.sampled_from(["a", "b", "c.c", "0", "-_", "A"])
_values = st.dictionaries(
    st.sampled_from(["secret", "quota", "enabled", "max-networks"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.booleans() | st.integers(0, 99) | st.dates(),
    max_size=3,
)
_comments = st.sampled_from(["# one", "# two = 2", "# [users.a]", "", "   # indented"])
_changes = st.lists(
    st.tuples(st.just("add"), _names, _values)
    | st.tuples(
        st.just("change"),
        _names,
        st.dictionaries(st.sampled_from(["secret", "quota"]), st.none() | st.text(max_size=3)),
    )
    | st.tuples(st.just("remove"), _names, st.just({}))
    | st.tuples(st.just("comment"), _names, st.builds(lambda text: {"text": text}, _comments)),
    max_size=12,
)


@settings(deadline=None)
@given(_changes)
def test_any_changes_are_those_of_a_dictionary_and_comments_stay(
    changes: list[tuple[str, str, dict[str, Any]]],
) -> None:
    text, model, comments = "", dict[str, dict[str, Any]](), 0
    for what, name, values in changes:
        match what:
            case "add" if name not in model:
                text = with_user(text, name, values)
                model[name] = dict(values)
            case "change" if name in model:
                text = with_values(text, name, values)
                model[name] = {key: one for key, one in {**model[name], **values}.items() if one is not None}
            case "remove" if name in model:
                text = without_user(text, name)
                del model[name]
            case "comment":
                comments += 1
                text += f"{values['text']}#{comments}\n"
        assert tomllib.loads(text).get("users", {}) == model
        numbers = [int(number) for number in re.findall(r"#(\d+)$", text, re.MULTILINE)]
        assert numbers == list(range(1, comments + 1)), "each comment is there, in order"
