"""What a user may be."""

from __future__ import annotations

from typing import Any

import pytest

from mtglib import OptionError, Secret, SecretEmptyError, SecretInvalidError
from mtglib.users import User, UserLimits

SECRET = Secret(bytes(range(16)), "front.example")


@pytest.mark.parametrize("name", ["a", "A.b_c-9", "x" * 64])
def test_names_that_work(name: str) -> None:
    assert User(name, SECRET).name == name


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "ä", "a\n", "a/b", None, 5, b"a"])
def test_names_that_do_not(name: Any) -> None:
    with pytest.raises(OptionError, match=r"^name: expected 1 to 64 letters, digits, dots, underscores and hyphens"):
        User(name, SECRET)


def test_a_secret_is_needed_and_is_not_shown() -> None:
    with pytest.raises(SecretEmptyError):
        User("a", None)  # type: ignore[arg-type]
    with pytest.raises(SecretInvalidError) as caught:
        User("a", SECRET.hex())  # type: ignore[arg-type]
    assert SECRET.key.hex() not in str(caught.value)
    assert SECRET.key.hex() not in repr(User("a", SECRET))


@pytest.mark.parametrize(
    "limits",
    [
        {"is_enabled": 1},
        {"expires_unix": "2026"},
        {"expires_unix": float("nan")},
        {"expires_unix": -1},
        {"quota_bytes": 0},
        {"quota_bytes": 1.5},
        {"quota_bytes": 2**60 + 1},
        {"quota_period": "week"},
        {"max_connections": 0},
        {"max_networks": True},
    ],
)
def test_limits_that_do_not_work_are_named(limits: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=f"^{next(iter(limits))}: expected "):
        UserLimits(**limits)


def test_limits_are_limits() -> None:
    with pytest.raises(OptionError, match=r"^limits: expected UserLimits, got dict"):
        User("a", SECRET, {})  # type: ignore[arg-type]
