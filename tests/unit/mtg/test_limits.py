"""How many connections the limit of open files has room for."""

from __future__ import annotations

import resource

import pytest

from mtg import limits


@pytest.mark.parametrize(
    ("wanted", "file_limit", "fitting"),
    [
        (100, 264, 100),
        (100, 263, 99),
        (8192, 1024, 480),
        (8192, 2 * 8192 + 64, 8192),
        (5, 64, 1),
        (5, 0, 1),
        (10**9, resource.RLIM_INFINITY, 10**9),
    ],
)
def test_concurrency_fits_the_limit(wanted: int, file_limit: int, fitting: int) -> None:
    assert limits.fitting_concurrency(wanted, file_limit) == fitting


def test_the_soft_limit_is_raised_to_the_hard_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limit: asked.append(limit))
    assert limits.raise_file_limit() == 4096
    assert asked == [(4096, 4096)]


def test_a_limit_that_cannot_be_raised_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int, __: tuple[int, int]) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert limits.raise_file_limit() == 256
