"""How many connections options allow."""

from __future__ import annotations

import pytest

from mtglib.limits import Limits
from unit.surroundings import options


@pytest.mark.parametrize(
    ("concurrency", "visitors", "expected"),
    [(8192, None, (8192, 4096, 256, 64)), (1, None, (1, 1, 256, 1)), (100, 20, (100, 20, 256, 10))],
)
def test_visitors_have_half_and_no_batch_evicts_itself(
    concurrency: int, visitors: int | None, expected: tuple[int, int, int, int]
) -> None:
    assert Limits.of(options(concurrency=concurrency, max_visitors=visitors))[:4] == expected
