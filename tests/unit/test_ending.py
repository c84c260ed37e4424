"""Waiting for tasks that were told to end."""

from __future__ import annotations

import asyncio

from mtglib.ending import wait_for_end


async def test_it_waits_for_all() -> None:
    tasks = {asyncio.create_task(asyncio.sleep(seconds)) for seconds in (0, 0.001, 0.01)}

    assert await wait_for_end(tasks, 20) == set()
    assert all(task.done() for task in tasks)


async def test_nothing_is_waited_for_if_there_is_nothing() -> None:
    assert await wait_for_end((), 20) == set()


async def test_what_does_not_end_is_stuck() -> None:
    stuck = asyncio.create_task(asyncio.Event().wait())
    quick = asyncio.create_task(asyncio.sleep(0))

    assert await wait_for_end({stuck, quick}, 0.01) == {stuck}
    assert quick.done()
    stuck.cancel()


async def test_tasks_that_end_one_after_the_other_are_not_stuck() -> None:
    turn = asyncio.Semaphore(1)

    async def one() -> None:
        async with turn:
            await asyncio.sleep(0.004)

    tasks = {asyncio.create_task(one()) for _ in range(30)}

    assert await wait_for_end(tasks, 0.05) == set(), "together they take more than twice that"


async def test_progress_is_no_reason_to_wait_for_ever() -> None:
    turn = asyncio.Semaphore(1)

    async def one() -> None:
        async with turn:
            await asyncio.sleep(0.004)

    tasks = {asyncio.create_task(one()) for _ in range(1000)}

    stuck = await wait_for_end(tasks, 0.05)
    assert 0 < len(stuck) < 1000
    for task in stuck:
        task.cancel()
