"""Time-outs around parts that have been given the same time-out."""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

_T = TypeVar("_T")

LATE_SECONDS: Final = 0.05
"""How much later we give up than who was told to: its own error says what was going on, ours only that it was late.

Less than what the proxy itself allows a network to be late, so that its time is kept with one such bound inside.
"""


async def within(timeout_seconds: float, doing: Awaitable[_T]) -> _T:
    """Await what has to end by itself after `timeout_seconds`.

    Raises:
        TimeoutError: It hasn't, a little after that.
    """
    try:
        async with asyncio.timeout(timeout_seconds + LATE_SECONDS):
            return await doing
    except TimeoutError as error:
        if str(error):
            raise
        raise TimeoutError(f"no answer within {timeout_seconds:.3g} s") from error
