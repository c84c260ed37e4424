"""How many connections the limit of open files has room for."""

from __future__ import annotations

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtg import limits
from mtg.user_error import UserError


@pytest.mark.parametrize(
    ("wanted", "file_limit", "engine_threads", "fitting"),
    [
        (8192, 1_048_576, 2, 8192),
        (8192, 2 * 8192 + 256, 2, 8192),
        (8192, 2 * 8192 + 254, 2, 8191),
        (8192, 1024, 2, 384),
        (100, 1024, 2, 100),
        (8192, 512, 2, 192),
        (8192, 256, 2, 96),
        (8192, 128, 2, 38),
        (8192, 54, 2, 1),
        (8192, 50, 0, 1),
        (8192, 1024, 128, 360),
        (10**9, resource.RLIM_INFINITY, 2, 10**9),
    ],
)
def test_concurrency_fits_the_limit(wanted: int, file_limit: int, engine_threads: int, fitting: int) -> None:
    assert limits.fitting_concurrency(wanted, file_limit, engine_threads) == fitting


@given(limit=st.integers(0, 100_000), threads=st.integers(0, 256))
def test_more_files_never_serve_fewer_and_all_of_it_fits(limit: int, threads: int) -> None:
    def fitting(limit: int) -> int:
        try:
            return limits.fitting_concurrency(10**9, limit, threads)
        except UserError:
            return 0

    assert 0 <= fitting(limit + 1) - fitting(limit) <= 1
    assert 2 * fitting(limit) <= max(0, limit - 48 - 2 * threads)


@pytest.mark.parametrize("file_limit", [0, 20, 53])
def test_too_few_files_to_serve_anybody_are_an_error(file_limit: int) -> None:
    with pytest.raises(UserError) as caught:
        limits.fitting_concurrency(1, file_limit, 2)

    assert caught.value.exit_code == 1
    assert caught.value.lines == (
        "open files: expected a limit of at least 54, enough for one connection, "
        f"got {file_limit} (ulimit -n, or LimitNOFILE= in systemd)",
    )


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
