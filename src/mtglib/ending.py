"""Waiting for cancelled tasks to end, for as long as they make progress."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

_STEPS: Final = 5
_MOST_PERIODS: Final = 10


async def wait_for_end(tasks: Iterable[asyncio.Task[Any]], patience_seconds: float) -> set[asyncio.Task[Any]]:
    """Wait until all tasks are done; return those that seem stuck.

    Thousands of tasks take a while to end on a busy machine, so what counts is that some end: tasks are stuck if all
    of them are left after `patience_seconds` and none of them ended within the last fifth of that, or if they are left
    after ten times as long.
    """
    left = {task for task in tasks if not task.done()}
    loop = asyncio.get_running_loop()
    began_mono = loop.time()
    while left:
        before = len(left)
        _, left = await asyncio.wait(left, timeout=patience_seconds / _STEPS)
        waited_seconds = loop.time() - began_mono
        stuck = len(left) == before and waited_seconds >= patience_seconds
        if stuck or waited_seconds >= patience_seconds * _MOST_PERIODS:
            break
    return left
